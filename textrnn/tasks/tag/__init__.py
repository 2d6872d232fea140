from textrnn.tasks.tag.task import Tag

__all__ = ["Tag"]
