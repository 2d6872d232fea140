"""Evaluation is batch scoring with gold."""

from collections.abc import Mapping, Sequence
from typing import Any

from textrnn.predictor import Predictor
from textrnn.tasks import Answer, Example, Metrics, Row, Task

METRIC_OF_TASK = {"classify": "accuracy", "pretrain": "perplexity"}
LESS_IS_BETTER = frozenset({"perplexity", "log_loss", "calibration_error"})


def run(predictor: Predictor, rows: Sequence[Row]) -> tuple[list[Example], list[Any]]:
    """The examples of rows, and the model's arrays for each. Texts over the limit are truncated."""
    options = predictor.task.options_type(truncate=True)
    examples = [predictor.task.read(row, options) for row in rows]
    return examples, predictor.run(examples)


def evaluate(predictor: Predictor, rows: Sequence[Row]) -> tuple[Metrics, list[Answer]]:
    """The metrics of the model as it is, and its answers."""
    examples, arrays = run(predictor, rows)
    task = predictor.task
    answers = [task.answer(a, e) for a, e in zip(arrays, examples, strict=True)]
    return task.score(answers, rows), answers


def calibrate(
    predictor: Predictor, dev: Mapping[str, Sequence[Row]]
) -> tuple[Task, dict[str, Metrics]]:
    """The task calibrated on all development sets together, and its metrics on each."""
    ran = {name: run(predictor, rows) for name, rows in dev.items()}
    every_array = [array for _, arrays in ran.values() for array in arrays]
    task = predictor.task.calibrated(every_array, [row for rows in dev.values() for row in rows])
    metrics = {}
    for name, (examples, arrays) in ran.items():
        answers = [task.answer(a, e) for a, e in zip(arrays, examples, strict=True)]
        metrics[name] = task.score(answers, dev[name])
    return task, metrics


def headline(metrics: Mapping[str, Metrics], name: str) -> float:
    """The mean of a metric over the sets, signed so that more is better."""
    mean = sum(values[name] for values in metrics.values()) / len(metrics)
    return -mean if name in LESS_IS_BETTER else mean
