"""Evaluation is batch scoring with gold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textrnn.errors import UserError
from textrnn.predictor import Predictor
from textrnn.tasks import (
    Answer,
    CalibratedTask,
    Example,
    Metric,
    Metrics,
    Row,
    StreamTask,
    Task,
)
from training.datasets import load_dev_rows
from training.recipe import Data, Source, is_recipe, load_recipe


def read_sets(
    task: Task,
    data: str,
    fields: Mapping[str, str],
    format: str | None = None,
    parallel: Path | None = None,
) -> dict[str, list[Row]]:
    """The development sets of a recipe, or the rows of a file as one set.

    Raises UserError, which names the line, for a row without gold for this task.
    """
    options = task.options_type(truncate=True)
    if is_recipe(data):
        sets = load_recipe(data).data
    else:
        keys = {
            "path": Path(data).absolute(),
            "format": format,
            "fields": dict(fields),
            "parallel": parallel and parallel.absolute(),
        }
        source = Source.parse(keys, source="the command line")
        sets = Data(train=(), dev={Path(data).name: (source,)})
    return load_dev_rows(sets, task.name, lambda row: task.read(row, options, gold=True))


def evaluate(predictor: Predictor, rows: Sequence[Row]) -> tuple[Metrics, list[Answer]]:
    """The metrics of a model on rows with gold, and its answers: if the task evaluates in several
    passes, those of the first."""
    passes = _passes(predictor, rows, thorough=True)
    metrics: Metrics = {}
    for answers in passes:
        metrics |= predictor.task.score(answers, rows)
    return metrics, passes[0]


def _passes(predictor: Predictor, rows: Sequence[Row], thorough: bool) -> list[list[Answer]]:
    """The answers of each evaluation pass."""
    task = predictor.task
    passes = [task.options_type(truncate=True)]
    if isinstance(task, StreamTask):
        passes = task.evaluation_options(thorough)
    return [predictor.answer([task.read(row, options) for row in rows]) for options in passes]


def calibrate(
    predictor: Predictor, dev: Mapping[str, Sequence[Row]], thorough: bool
) -> tuple[Task, dict[str, Metrics]]:
    """The task, calibrated on all development rows if it can be, and its metrics on each set.

    The metrics of a calibrated task are cross-fitted: each half of the rows is measured with what
    was fitted to the other half, since thresholds look better on the rows that chose them.
    """
    task = predictor.task
    rows = [row for part in dev.values() for row in part]
    if isinstance(task, CalibratedTask):
        options = task.options_type(truncate=True)
        examples = [task.read(row, options) for row in rows]
        outputs = predictor.run(examples)
        passes = [_cross_fitted(predictor, task, examples, outputs, rows)]
        task = task.calibrated(predictor.model(), outputs, rows)
    else:
        passes = _passes(predictor, rows, thorough)
    metrics: dict[str, Metrics] = {}
    start = 0
    for name, part in dev.items():
        end = start + len(part)
        scored = [task.score(answers[start:end], part) for answers in passes]
        metrics[name] = {metric: value for each in scored for metric, value in each.items()}
        start = end
    return task, metrics


def _cross_fitted(
    predictor: Predictor,
    task: CalibratedTask,
    examples: Sequence[Example],
    outputs: Sequence[Any],
    rows: Sequence[Row],
) -> list[Answer]:
    """The answers to each half of the rows by the task that is calibrated on the other half."""
    model = predictor.model()
    answers: list[Answer] = [{}] * len(rows)
    for half in (0, 1):
        mine, other = slice(half, None, 2), slice(1 - half, None, 2)
        fitted_to = other if rows[1:] else mine
        fitted = task.calibrated(model, outputs[fitted_to], rows[fitted_to])
        answers[mine] = predictor.recalibrated(fitted).answer(examples[mine])
    return answers


def metric_of(task: Task, name: str) -> Metric:
    """The metric that chooses the best weights: the one of this name, the task's default for "".

    Raises UserError for a metric that evaluations during training do not return.
    """
    metrics = {metric.name: metric for metric in task.training_metrics}
    if not name:
        return task.training_metrics[0]
    if name not in metrics:
        raise UserError(
            f"train.metric is {name!r}, which is not measured during training; choose one of: "
            f"{', '.join(metrics)}"
        )
    return metrics[name]


def headline(metrics: Mapping[str, Metrics], metric: Metric) -> float:
    """The mean of a metric over the development sets, with a sign that makes more better."""
    values = [values[metric.name] for values in metrics.values()]
    return metric.signed(sum(values) / len(values))
