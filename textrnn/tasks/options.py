"""Request options: what a caller may set for a text. Each is declared once, in its task's class.

Type, bounds, default and description of an option stand in `tasks/<task>/options.py` and nowhere
else: the library, the command line and batch scoring parse that class, and the HTTP schemas are
made from it.
"""

from typing import Annotated, TypeVar

from pydantic import ConfigDict
from pydantic.fields import FieldInfo

from textrnn.config import Config

_T = TypeVar("_T")
_LIBRARY_ONLY = "library only"
LibraryOnly = Annotated[_T, _LIBRARY_ONLY]
"""The type of an option that the native HTTP API does not offer.

>>> class Example(Options):
...     verbose: LibraryOnly[bool] = False
...     limit: int = 3
>>> list(Example.exposed())
['limit']
"""


class Options(Config):
    """Options of every task. A task subclasses this to add its own."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    truncate: LibraryOnly[bool] = False
    """Truncate a text that exceeds the model's limit, and set `truncated` in the answer. By default
    such a text is an error."""

    @classmethod
    def exposed(cls) -> dict[str, FieldInfo]:
        """The options offered over HTTP, by name."""
        return {
            name: info
            for name, info in cls.model_fields.items()
            if _LIBRARY_ONLY not in info.metadata
        }
