"""Which rows run together, and in what shape: the only place where padding is decided.

Every shape comes from a small fixed grid, so that the number of compiled programs is finite and
known before the first request.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import PositiveInt, model_validator

from textrnn.config import Config


class Shape(NamedTuple):
    """A batch of `rows` sequences, each padded to `length` tokens."""

    rows: int
    length: int


class Group(NamedTuple):
    """Rows that run as one batch: `indices` into what was planned, and the shape to pad to."""

    indices: np.ndarray
    shape: Shape


class Buckets(Config):
    """The grid of shapes: these lengths, rows in powers of two, rows x length <= tokens.

    The last length is the longest sequence that can be run at all.
    """

    lengths: tuple[PositiveInt, ...] = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
    rows: PositiveInt = 128
    tokens: PositiveInt = 8192

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.lengths or list(self.lengths) != sorted(set(self.lengths)):
            raise ValueError(f"lengths must increase, found {list(self.lengths)}")
        if self.rows & (self.rows - 1):
            raise ValueError(f"rows must be a power of two, found {self.rows}")
        if self.lengths[-1] > self.tokens:
            raise ValueError(
                f"the longest length {self.lengths[-1]} does not fit into {self.tokens} tokens"
            )
        return self

    @property
    def limit(self) -> int:
        return self.lengths[-1]

    def shapes(self) -> list[Shape]:
        """The whole grid, the cheapest shape first."""
        grid = [
            Shape(rows, length)
            for length in self.lengths
            for rows in (1 << power for power in range(self.rows.bit_length()))
            if rows * length <= self.tokens
        ]
        return sorted(grid, key=lambda shape: (shape.rows * shape.length, shape))


def plan(lengths: ArrayLike, shapes: Collection[Shape]) -> list[Group]:
    """Group rows of these lengths into batches of these shapes; each index appears exactly once.

    Rows are taken longest first; slots that a batch has to spare go to the next shorter rows. In
    shapes of 1, 2 or 4 rows and of length 4 or 8, rows of length 5, 8, 2, 7 and 3 become

        Group([1, 3, 0, 4], 4x8)      three rows need length 8, and the 3 takes the spare slot
        Group([2], 1x4)

    Raises ValueError where a row is longer than every shape.
    """
    rows_of: dict[int, list[int]] = {}
    for shape in sorted(shapes):
        rows_of.setdefault(shape.length, []).append(shape.rows)
    grid = sorted(rows_of)
    sizes = np.asarray(lengths, dtype=np.int64)
    if sizes.size and sizes.max() > grid[-1]:
        raise ValueError(f"a row of {sizes.max()} tokens fits no shape; the longest is {grid[-1]}")
    order = np.argsort(-sizes, kind="stable")
    bucket = np.searchsorted(grid, sizes[order])
    groups = []
    start = 0
    while start < len(order):
        length = grid[bucket[start]]
        alike = int(np.searchsorted(-bucket, -bucket[start], side="right")) - start
        rows = _rows(alike, rows_of[length])
        groups.append(Group(order[start : start + rows], Shape(rows, length)))
        start += rows
    return groups


def _rows(wanted: int, choices: Sequence[int]) -> int:
    """The number of rows to run now when `wanted` rows of one length wait.

    Padding up is cheap for a few rows, where a step costs the same for 1 as for 8, and when at
    least three quarters are filled; otherwise run a full smaller batch, and the rest after it.
    """
    above = min((rows for rows in choices if rows >= wanted), default=None)
    below = max((rows for rows in choices if rows <= wanted), default=None)
    if above is None or below is None:
        return above or below or 0
    return above if above <= 8 or 4 * wanted >= 3 * above else below


def pad(
    rows: Sequence[np.ndarray], shape: Shape, value: int = 0, inner: tuple[int, ...] = ()
) -> np.ndarray:
    """Stack arrays of [length, *inner] into int32 [shape.rows, shape.length, *inner], filled up
    with `value`."""
    out = np.full((*shape, *inner), value, np.int32)
    for index, row in enumerate(rows):
        out[index, : len(row)] = row
    return out
