"""Grouping rows into batches. The shapes of batches are decided nowhere else.

A batch is ragged: the tokens of its rows lie one after another, and a shape only limits how many
rows and tokens there are. So a few shapes take every batch, and all of them are compiled before the
first request.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Self, TypedDict

import numpy as np
from jaxtyping import Int
from numpy.typing import ArrayLike
from pydantic import PositiveInt, model_validator

from textrnn.config import Config


class Shape(NamedTuple):
    """The capacity of a batch: rows, tokens of all rows together, and for tasks that use beam
    search, hypotheses of each row."""

    rows: int
    tokens: int
    width: int = 1


class Group(NamedTuple):
    """Rows that run as one batch: their indices, and the shape that they run in."""

    indices: np.ndarray
    shape: Shape


class Limits(Config):
    """The limits of a batch."""

    length: PositiveInt = 4096
    """Tokens of the longest sequence that the model can process."""
    rows: PositiveInt = 128
    """Rows of the largest batch."""
    tokens: PositiveInt = 8192
    """Tokens of the largest batch, all rows together."""
    width: PositiveInt = 1
    """Hypotheses per row: the widest beam."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.length > self.tokens:
            raise ValueError(
                f"a sequence of the longest length {self.length} does not fit into "
                f"{self.tokens} tokens"
            )
        return self

    def shapes(self) -> list[Shape]:
        """The shapes of batches: one for a few texts, and the largest.

        Padding is not multiplied, but it is allocated and cleared, which would be most of the cost
        of a short text in the largest shape.
        """
        largest = Shape(self.rows, min(self.tokens, self.rows * self.length), self.width)
        small = Shape(max(self.rows // 8, 1), max(largest.tokens // 8, 1), self.width)
        return [small, largest] if small != largest else [largest]


def plan(
    lengths: ArrayLike, shapes: Collection[Shape], widths: ArrayLike | None = None
) -> list[Group]:
    """Group rows of these lengths into batches of these shapes; each index appears exactly once.

    Rows are taken in descending order of length until the largest shape is full, since a step costs
    least per row if all rows still run. A group runs in the smallest shape that takes it. For
    shapes of 1 row and 4 tokens and of 4 rows and 16 tokens, rows of length 5, 8, 2, 7 and 3 become

        Group([1, 3], 4x16), Group([0, 4, 2], 4x16)

    `widths` are the hypotheses that each row needs, 1 by default. A row runs in the narrowest
    shapes that fit its width. Raises ValueError if a row fits no shape.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    needed = np.ones_like(sizes) if widths is None else np.asarray(widths, dtype=np.int64)
    groups: list[Group] = []
    left = np.arange(len(sizes))
    for width in sorted({shape.width for shape in shapes}):
        of_width = sorted((s for s in shapes if s.width == width), key=lambda s: (s.tokens, s.rows))
        fits = (needed[left] <= width) & (sizes[left] <= of_width[-1].tokens)
        chosen, left = left[fits], left[~fits]
        groups += _plan(chosen, sizes, of_width)
    if left.size:
        row = left[0]
        raise ValueError(f"a row of {sizes[row]} tokens and width {needed[row]} fits no shape")
    return groups


def _plan(rows: np.ndarray, sizes: np.ndarray, shapes: Sequence[Shape]) -> list[Group]:
    """Plan within shapes of one width, in ascending order, the last of which fits every row."""
    largest = shapes[-1]
    rows = rows[np.argsort(-sizes[rows], kind="stable")]
    groups = []
    while rows.size:
        totals = np.cumsum(sizes[rows[: largest.rows]])
        count = int(np.searchsorted(totals, largest.tokens, side="right"))
        tokens = totals[count - 1]
        shape = next(s for s in shapes if s.rows >= count and s.tokens >= tokens)
        groups.append(Group(rows[:count], shape))
        rows = rows[count:]
    return groups


def ragged_array(
    rows: Sequence[np.ndarray], tokens: int, inner: tuple[int, ...] = (), dtype: type = np.int32
) -> np.ndarray:
    """Arrays of [length, *inner], one after another in [tokens, *inner], filled up with zeros."""
    out = np.zeros((tokens, *inner), dtype)
    if rows:
        joined = np.concatenate(rows)
        out[: len(joined)] = joined
    return out


class TokenBatch(TypedDict):
    """The arrays that every ragged batch has."""

    ids: Int[Any, " tokens"]
    lengths: Int[Any, " rows"]


def ragged_ids(rows: Sequence[np.ndarray], shape: Shape) -> TokenBatch:
    """The `ids` [tokens] of rows, filled up with PAD, which is 0, and their `lengths` [rows]."""
    lengths = np.zeros(shape.rows, np.int32)
    lengths[: len(rows)] = [len(row) for row in rows]
    return {"ids": ragged_array(rows, shape.tokens), "lengths": lengths}


def pad(rows: Sequence[np.ndarray], count: int, length: int) -> np.ndarray:
    """Stack arrays of at most `length` into int32 [count, length], filled up with zeros."""
    out = np.zeros((count, length), np.int32)
    for index, row in enumerate(rows):
        out[index, : len(row)] = row
    return out
