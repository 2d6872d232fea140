"""The tasks by name."""

from textrnn.tasks.classify.task import Classify
from textrnn.tasks.generate.task import Generate
from textrnn.tasks.language_model import Pretrain
from textrnn.tasks.metrics import Metric, by_name
from textrnn.tasks.tag.task import Tag
from textrnn.tasks.task import (
    Answer,
    Batch,
    CalibratedTask,
    Example,
    Metrics,
    Options,
    Outputs,
    Row,
    StreamBatch,
    StreamExample,
    StreamTask,
    Task,
    Window,
)
from textrnn.tasks.translate.task import Translate
from textrnn.tasks.word_vectors import Vectors

TASKS: dict[str, type[Task]] = {
    task.name: task for task in (Classify, Tag, Translate, Generate, Pretrain, Vectors)
}
METRICS = by_name(*(task.metrics for task in TASKS.values()))
"""Every metric by its name."""

__all__ = [
    "METRICS",
    "TASKS",
    "Answer",
    "Batch",
    "CalibratedTask",
    "Example",
    "Metric",
    "Metrics",
    "Options",
    "Outputs",
    "Row",
    "StreamBatch",
    "StreamExample",
    "StreamTask",
    "Task",
    "Window",
]
