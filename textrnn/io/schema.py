"""The types of columns: from values, from annotations of Python, and in Arrow."""

from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pyarrow

MAX_FIELDS = 1_000
"""An object with more fields is a mapping from data to data rather than a structure."""
MAX_DEPTH = 32
_EXACT = 2**53
"""Up to this magnitude, a float64 represents every integer."""


class Values:
    """The set of types that the JSON values of a column have, from which its Arrow type follows.

    Types only widen, so the result does not depend on the order of the values.
    """

    def __init__(self, depth: int = 0):
        self._depth = depth
        self._kinds: set[str] = set()
        self._smallest = self._largest = 0
        self._items: Values | None = None
        self._fields: dict[str, Values] = {}

    def add(self, value: Any) -> None:
        if value is None:
            return
        if isinstance(value, bool):
            self._kinds.add("bool")
        elif isinstance(value, int):
            self._kinds.add("int")
            self._smallest = min(self._smallest, value)
            self._largest = max(self._largest, value)
        elif isinstance(value, float):
            self._kinds.add("float")
        elif isinstance(value, str):
            self._kinds.add("string")
        elif self._depth == MAX_DEPTH:
            self._kinds.add("deep")
        elif isinstance(value, list):
            self._kinds.add("list")
            self._items = self._items or Values(self._depth + 1)
            for item in value:
                self._items.add(item)
        elif isinstance(value, dict):
            self._kinds.add("object")
            for name, item in value.items():
                if name not in self._fields and len(self._fields) > MAX_FIELDS:
                    continue
                self._fields.setdefault(name, Values(self._depth + 1)).add(item)
        else:
            raise TypeError(f"{type(value).__name__} is not a type of JSON")

    def arrow_type(self) -> pyarrow.DataType | None:
        """The type that represents every value, or None if no type of Parquet does.

        A column without values is one of strings.
        """
        match sorted(self._kinds):
            case [] | ["string"]:
                return pyarrow.string()
            case ["bool"]:
                return pyarrow.bool_()
            case ["int"] if self._smallest >= -(2**63) and self._largest < 2**63:
                return pyarrow.int64()
            case ["int"] if self._smallest == 0 and self._largest < 2**64:
                return pyarrow.uint64()
            case ["float"]:
                return pyarrow.float64()
            case ["float", "int"] if self._smallest >= -_EXACT and self._largest <= _EXACT:
                return pyarrow.float64()
            case ["list"] if self._items is not None:
                items = self._items.arrow_type()
                return items and pyarrow.list_(items)
            case ["object"] if 0 < len(self._fields) <= MAX_FIELDS:
                types = {name: field.arrow_type() for name, field in self._fields.items()}
                return pyarrow.struct(types) if all(types.values()) else None
        return None


def annotated_type(annotation: Any) -> pyarrow.DataType:
    """The Arrow type of str, int, float, bool, list[...], dict[str, ...], a TypedDict or a mapping
    of fields to types."""
    simple = {
        str: pyarrow.string(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        bool: pyarrow.bool_(),
    }
    if is_typeddict(annotation):
        annotation = get_type_hints(annotation)
    if isinstance(annotation, Mapping):
        return pyarrow.struct({name: annotated_type(kind) for name, kind in annotation.items()})
    if annotation in simple:
        return simple[annotation]
    arguments = get_args(annotation)
    if get_origin(annotation) is list:
        return pyarrow.list_(annotated_type(arguments[0]))
    if get_origin(annotation) is dict:
        return pyarrow.map_(pyarrow.string(), annotated_type(arguments[1]))
    raise TypeError(f"{annotation} has no Arrow type")


def annotated_schema(columns: Mapping[str, Any]) -> pyarrow.Schema:
    """The schema of columns whose types are given as annotations."""
    return pyarrow.schema({name: annotated_type(hint) for name, hint in columns.items()})
