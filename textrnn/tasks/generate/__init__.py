from textrnn.tasks.generate.task import Generate

__all__ = ["Generate"]
