"""The base class of all configurations: frozen, complete and strict about keys and types."""

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationError

from textrnn.errors import UserError


class Config(BaseModel):
    """An immutable set of options. Unknown keys are rejected.

    >>> class Train(Config):
    ...     steps: int = 10
    >>> Train.parse({"steps": 3}, source="here").steps
    3
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls, data: Mapping[str, Any], source: str) -> Self:
        """Validate `data`. Raises UserError with a one-line message that names `source`."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise UserError(f"{source}: {validation_message(error, cls)}") from None

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False)

    def to_toml(self) -> str:
        """The config as TOML. Fields that are None are omitted, as TOML has no null."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file. Raises UserError if it cannot be read or is not valid TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8; save the file as UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: is not valid TOML: {error}") from None


def override(data: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Apply `key.path=value` assignments to a copy of `data`.

    A value that is not valid TOML is taken as a string. Raises UserError.

    >>> override({"train": {"steps": 10}}, ["train.steps=20", "train.note=fast run"])
    {'train': {'steps': 20, 'note': 'fast run'}}
    """
    result = json.loads(json.dumps(data, default=str))
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        if not equals or not path:
            raise UserError(f"{assignment!r} is not an assignment; write key.path=value")
        *parents, last = path.split(".")
        node: Any = result
        for name in parents:
            node = _child(node, name, assignment)
        if isinstance(node, list):
            node[_index(node, last, assignment)] = _toml_value(value)
        elif isinstance(node, dict):
            node[last] = _toml_value(value)
        else:
            raise UserError(f"{assignment!r}: {'.'.join(parents)} holds a value, not a table")
    return result


def _child(node: Any, name: str, assignment: str) -> Any:
    if isinstance(node, list):
        return node[_index(node, name, assignment)]
    if isinstance(node, dict):
        return node.setdefault(name, {})
    raise UserError(f"{assignment!r}: {name!r} is below a value, not a table")


def _index(node: list[Any], name: str, assignment: str) -> int:
    if not name.isdecimal() or int(name) >= len(node):
        raise UserError(
            f"{assignment!r}: {name!r} is not an index of that list, which has {len(node)} items"
        )
    return int(name)


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def validation_message(error: ValidationError, model: type[BaseModel]) -> str:
    """All errors of a validation on one line, with a suggestion for each unknown key."""
    faults = []
    for fault in error.errors(include_url=False):
        where = ".".join(str(part) for part in fault["loc"]) or "the document"
        if fault["type"] == "extra_forbidden":
            known = _keys_at(model, fault["loc"][:-1])
            near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            faults.append(f"unknown key {where!r}; {hint}")
        elif fault["type"] == "missing":
            faults.append(f"key {where!r} is missing")
        else:
            message = fault["msg"].removeprefix("Value error, ")
            value = fault["input"]
            shown = "" if isinstance(value, dict | list) else f" (found {value!r})"
            faults.append(f"{where}: {message}{shown}")
    return "; ".join(faults)


def _keys_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at `path` accepts, according to the field types."""
    current: Any = model
    for part in path:
        if isinstance(part, int):
            continue
        field = getattr(current, "model_fields", {}).get(part)
        if field is None:
            continue  # the discriminator of a union, not a field
        current = _model_within(field.annotation)
    return sorted(getattr(current, "model_fields", {}))


def _model_within(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        model = _model_within(argument)
        if model is not None:
            return model
    return None
