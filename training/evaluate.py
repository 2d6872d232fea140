"""Evaluation is batch scoring with gold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textrnn.errors import UserError
from textrnn.predictor import Predictor
from textrnn.tasks import Answer, Example, Metric, Metrics, Row, Task
from training.datasets import load_dev
from training.recipe import Data, Source, is_recipe, load_recipe


def read_sets(
    task: Task,
    data: str,
    fields: Mapping[str, str],
    format: str | None = None,
    parallel: Path | None = None,
) -> dict[str, list[Row]]:
    """The development sets of a recipe, or the rows of a file as a set. Raises UserError, with the
    line, for what is no row with gold of this task."""
    options = task.options_type(truncate=True)
    if is_recipe(data):
        wanted = load_recipe(data).data
    else:
        given = {
            "path": Path(data).absolute(),
            "format": format,
            "fields": dict(fields),
            "parallel": parallel and parallel.absolute(),
        }
        source = Source.parse(given, source="the command line")
        wanted = Data(train=(), dev={Path(data).name: (source,)})
    return load_dev(wanted, task.name, lambda row: task.read(row, options, gold=True))


def evaluate(predictor: Predictor, rows: Sequence[Row]) -> tuple[Metrics, list[Answer]]:
    """The metrics of the model as it is, and its answers; of several readings, those of the first
    one."""
    task = predictor.task
    of_each = []
    for options in task.readings(thorough=True):
        answers = predictor.answer([task.read(row, options) for row in rows])
        of_each.append((task.score(answers, rows), answers))
    metrics = {name: value for metrics, _ in of_each for name, value in metrics.items()}
    return metrics, of_each[0][1]


def calibrate(
    predictor: Predictor, dev: Mapping[str, Sequence[Row]], thorough: bool
) -> tuple[Task, dict[str, Metrics]]:
    """The task calibrated on all development rows, and its metrics on each set, by each of its
    readings.

    The metrics are cross-fitted: each half of the rows is measured with what was fitted to the
    other half. Thresholds that are measured on the rows that chose them look better than they are.
    """
    rows = [row for part in dev.values() for row in part]
    uncalibrated = task = predictor.task
    metrics: dict[str, Metrics] = {name: {} for name in dev}
    for options in uncalibrated.readings(thorough):
        last = predictor.finish([uncalibrated.read(row, options) for row in rows])
        examples, outputs = [example for example, _ in last], [output for _, output in last]
        task = uncalibrated.calibrated(predictor.model(), outputs, rows)
        if task is uncalibrated:  # it has nothing to fit
            answers = [task.answer(o, e) for o, e in zip(outputs, examples, strict=True)]
        else:
            answers = _cross_fitted(predictor, examples, outputs, rows)
        start = 0
        for name, part in dev.items():
            metrics[name] |= task.score(answers[start : start + len(part)], part)
            start += len(part)
    return task, metrics


def _cross_fitted(
    predictor: Predictor, examples: Sequence[Example], outputs: Sequence[Any], rows: Sequence[Row]
) -> list[Answer]:
    """The answers to each half of the rows by the task that is calibrated on the other half."""
    model, uncalibrated = predictor.model(), predictor.task
    answers: list[Answer] = [{}] * len(rows)
    for half in (0, 1):
        mine, other = slice(half, None, 2), slice(1 - half, None, 2)
        fitted_to = other if rows[1:] else mine
        predictor.task = uncalibrated.calibrated(model, outputs[fitted_to], rows[fitted_to])
        answers[mine] = predictor.answer(examples[mine])
    predictor.task = uncalibrated
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
