"""The settings that the trials of a sweep differ in."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from textrnn.errors import UserError

_RANGE = re.compile(r"(log|uniform|integer)\((.*),(.*)\)")


@dataclass(frozen=True)
class OneOf:
    """One of some values."""

    values: tuple[Any, ...]

    @property
    def extremes(self) -> tuple[Any, ...]:
        """Values of which each has to be valid."""
        return self.values


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`: evenly, evenly in their logarithm, or whole ones with both
    ends."""

    kind: Literal["log", "uniform", "integer"]
    low: float
    high: float

    @property
    def extremes(self) -> tuple[float, float]:
        return self.low, self.high


Dimension = OneOf | Range


def parse_space(settings: Iterable[str]) -> tuple[dict[str, Dimension], list[str]]:
    """The dimensions among assignments to keys of a recipe, and the other assignments.

    A dimension is a list of values, `log(LOW, HIGH)`, `uniform(LOW, HIGH)` or `integer(LOW, HIGH)`.
    Raises UserError.

    >>> parse_space(["train.optimizer.rate=log(1e-4, 1e-2)", "train.epochs=3"])
    ({'train.optimizer.rate': Range(kind='log', low=0.0001, high=0.01)}, ['train.epochs=3'])
    """
    space: dict[str, Dimension] = {}
    fixed = []
    for assignment in settings:
        key, _, text = assignment.partition("=")
        match = _RANGE.fullmatch(text.strip())
        if match:
            space[key] = _range(assignment, *match.groups())
        elif text.strip().startswith("["):
            space[key] = OneOf(tuple(_list(assignment, text)))
        else:
            fixed.append(assignment)
    if not space:
        raise UserError(
            "a sweep needs a setting with several values, as in "
            "'model.encoder.cell=[\"lstm\", \"gru\"]' or 'train.optimizer.rate=log(1e-4, 1e-2)'"
        )
    return space, fixed


def assignments(values: Mapping[str, Any]) -> list[str]:
    """The values of a trial as assignments, as `load_recipe` takes them."""
    return [f"{key}={_toml(value)}" for key, value in values.items()]


def _range(assignment: str, kind: Any, low: str, high: str) -> Range:
    number = int if kind == "integer" else float
    try:
        ends = number(low), number(high)
    except ValueError:
        raise UserError(f"{assignment}: expected two numbers, as in {kind}(1, 10)") from None
    if not ends[0] < ends[1] or (kind == "log" and ends[0] <= 0):
        raise UserError(
            f"{assignment}: the first number must be smaller than the second"
            + (", and above 0" if kind == "log" else "")
        )
    return Range(kind, *ends)


def _list(assignment: str, text: str) -> list[Any]:
    """The values of a list in TOML, whose words may lack their quotes."""
    quoted = re.sub(r"(?<=[\[,])\s*([A-Za-z_][\w-]*)\s*(?=[,\]])", _quoted, text)
    try:
        values = tomllib.loads(f"x = {quoted}")["x"]
    except tomllib.TOMLDecodeError:
        raise UserError(f'{assignment}: expected a list of TOML values, as in ["a", "b"]') from None
    if len(values) < 2:
        raise UserError(f"{assignment}: expected two values or more")
    return values


def _quoted(match: re.Match[str]) -> str:
    word = match.group(1)
    return word if word in ("true", "false", "inf", "nan") else f'"{word}"'


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)  # all other values are the same in both
