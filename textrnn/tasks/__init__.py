"""The tasks by name."""

from textrnn.tasks.classify.task import Classify
from textrnn.tasks.generate.task import Generate
from textrnn.tasks.language_model import Pretrain
from textrnn.tasks.tag.task import Tag
from textrnn.tasks.task import Answer, Batch, Example, Metrics, Options, Row, Task
from textrnn.tasks.translate.task import Translate
from textrnn.tasks.word_vectors import Vectors

TASKS: dict[str, type[Task]] = {
    task.name: task for task in (Classify, Tag, Translate, Generate, Pretrain, Vectors)
}

__all__ = ["TASKS", "Answer", "Batch", "Example", "Metrics", "Options", "Row", "Task"]
