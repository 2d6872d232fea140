"""What an evaluation measures: the name, title and direction of each metric.

A metric is declared once, by the task whose `score` returns it; those that several tasks share are
declared here. `textrnn.tasks.METRICS` has them all by name.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Metric(NamedTuple):
    name: str
    """As in bundle.json, in logs and in `train.metric`."""
    title: str
    """As in a model card."""
    lower_is_better: bool = False

    def best(self, *values: float) -> float:
        return min(values) if self.lower_is_better else max(values)

    def signed(self, value: float) -> float:
        """The value with a sign that makes more better."""
        return -value if self.lower_is_better else value


ACCURACY = Metric("accuracy", "accuracy")
CALIBRATION_ERROR = Metric("calibration_error", "expected calibration error", True)
LOG_LOSS = Metric("log_loss", "log loss", True)


def by_name(*groups: tuple[Metric, ...]) -> Mapping[str, Metric]:
    """The metrics of several tasks. Raises ValueError where two declare one name differently."""
    metrics: dict[str, Metric] = {}
    for metric in (metric for group in groups for metric in group):
        if metrics.setdefault(metric.name, metric) != metric:
            raise ValueError(f"the metric {metric.name!r} is declared twice, and differently")
    return metrics
