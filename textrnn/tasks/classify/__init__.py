from textrnn.tasks.classify.task import Classify

__all__ = ["Classify"]
