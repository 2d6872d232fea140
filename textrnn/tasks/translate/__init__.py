from textrnn.tasks.translate.task import Translate

__all__ = ["Translate"]
