"""The tasks by name."""

from textrnn.tasks.classify import Classify
from textrnn.tasks.generate import Generate
from textrnn.tasks.pretrain import Pretrain
from textrnn.tasks.tag import Tag
from textrnn.tasks.task import Answer, Batch, Example, Metrics, Options, Row, Task
from textrnn.tasks.translate import Translate
from textrnn.tasks.vectors import Vectors

TASKS: dict[str, type[Task]] = {
    task.name: task for task in (Classify, Tag, Translate, Generate, Pretrain, Vectors)
}

__all__ = ["TASKS", "Answer", "Batch", "Example", "Metrics", "Options", "Row", "Task"]
