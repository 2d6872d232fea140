"""Evaluation is batch scoring with gold."""

from collections.abc import Mapping, Sequence
from typing import Any

from textrnn.predictor import Predictor
from textrnn.tasks import Answer, Example, Metrics, Row, Task

METRIC_OF_TASK = {
    "classify": "accuracy",
    "tag": "f1",
    "pretrain": "perplexity",
    "vectors": "log_loss",
}
LESS_IS_BETTER = frozenset({"perplexity", "log_loss", "calibration_error"})


def run(predictor: Predictor, rows: Sequence[Row]) -> tuple[list[Example], list[Any]]:
    """The examples of rows, and what the model returns for each. Texts over the limit are cut."""
    options = predictor.task.options_type(truncate=True)
    examples = [predictor.task.read(row, options) for row in rows]
    return examples, predictor.run(examples)


def evaluate(predictor: Predictor, rows: Sequence[Row]) -> tuple[Metrics, list[Answer]]:
    """The metrics of the model as it is, and its answers."""
    examples, outputs = run(predictor, rows)
    task = predictor.task
    answers = [task.answer(o, e) for o, e in zip(outputs, examples, strict=True)]
    return task.score(answers, rows), answers


def calibrate(
    predictor: Predictor, dev: Mapping[str, Sequence[Row]]
) -> tuple[Task, dict[str, Metrics]]:
    """The task calibrated on all development rows, and its metrics on each set.

    The metrics are cross-fitted: each half of the rows is measured with what was fitted to the
    other half. Thresholds that are measured on the rows that chose them look better than they are.
    """
    examples, outputs, rows, sizes = [], [], [], []
    for part in dev.values():
        found = run(predictor, part)
        examples += found[0]
        outputs += found[1]
        rows += part
        sizes.append(len(part))
    task = predictor.task.calibrated(outputs, rows)
    halves = [predictor.task.calibrated(outputs[k::2], rows[k::2]) for k in (0, 1) if len(rows) > 1]
    answers = [
        (halves[1 - index % 2] if halves else task).answer(output, example)
        for index, (output, example) in enumerate(zip(outputs, examples, strict=True))
    ]
    metrics, start = {}, 0
    for name, size in zip(dev, sizes, strict=True):
        end = start + size
        metrics[name] = task.score(answers[start:end], rows[start:end])
        start = end
    return task, metrics


def headline(metrics: Mapping[str, Metrics], name: str) -> float:
    """The mean of a metric over the sets, signed so that more is better."""
    mean = sum(values[name] for values in metrics.values()) / len(metrics)
    return -mean if name in LESS_IS_BETTER else mean
