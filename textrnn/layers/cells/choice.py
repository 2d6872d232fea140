"""A cell in a recipe: its name, or a table of its name and options.

cell = "lstm"
cell = {kind = "ntm", slots = 16}
"""

from typing import Any

from flax import nnx
from pydantic import SerializeAsAny, model_serializer, model_validator

from textrnn.config import Config
from textrnn.errors import UserError
from textrnn.layers.cells.cell import Carry, Cell
from textrnn.layers.cells.registry import CELLS


class CellChoice(Config):
    kind: str
    """One of the names in `CELLS`."""
    options: SerializeAsAny[Config]
    """Those of this kind."""

    @model_validator(mode="before")
    @classmethod
    def _with_options(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"kind": value}
        if not isinstance(value, dict) or isinstance(value.get("options"), Config):
            return value
        kind = value.get("kind")
        if kind not in CELLS:
            raise ValueError(f"unknown cell {kind!r}; expected one of {', '.join(CELLS)}")
        options = {key: option for key, option in value.items() if key != "kind"}
        try:
            return {"kind": kind, "options": CELLS[kind].options_type.parse(options, source=kind)}
        except UserError as error:
            raise ValueError(str(error)) from None

    @model_serializer
    def _shortest(self) -> str | dict[str, Any]:
        changed = self.options.model_dump(mode="json", exclude_defaults=True)
        return {"kind": self.kind, **changed} if changed else self.kind

    @property
    def type(self) -> type[Cell]:
        """The class of the cell."""
        return CELLS[self.kind]

    def build(self, inputs: int, hidden: int, *, rngs: nnx.Rngs) -> Cell:
        """A cell of this kind. Raises ValueError if its options do not fit the size."""
        return self.type(inputs, hidden, self.options, rngs=rngs)

    def carry(self, rows: int, hidden: int) -> Carry:
        """The state of such a cell before the first step."""
        return self.type.initial_carry(rows, hidden, self.options)


def cell_choice(kind: str, **options: Any) -> CellChoice:
    """A cell by name and options.

    >>> cell_choice("ntm", slots=16).model_dump()
    {'kind': 'ntm', 'slots': 16}
    """
    return CellChoice.model_validate({"kind": kind, **options})
