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
    """A batch of `rows` sequences, each padded to `length` tokens, with room for `width` hypotheses
    of each, where a task searches."""

    rows: int
    length: int
    width: int = 1

    @property
    def tokens(self) -> int:
        return self.rows * self.length * self.width


class Group(NamedTuple):
    """Rows that run as one batch: `indices` into what was planned, and the shape to pad to."""

    indices: np.ndarray
    shape: Shape


class Buckets(Config):
    """The grid of shapes: these lengths and widths, rows in powers of two, and no more than so many
    tokens in all.

    The last length is the longest sequence that can be run at all, the last width the widest beam.
    """

    lengths: tuple[PositiveInt, ...] = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
    rows: PositiveInt = 128
    tokens: PositiveInt = 8192
    widths: tuple[PositiveInt, ...] = (1,)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, found in (("lengths", self.lengths), ("widths", self.widths)):
            if not found or list(found) != sorted(set(found)):
                raise ValueError(f"{name} must increase, found {list(found)}")
        if self.rows & (self.rows - 1):
            raise ValueError(f"rows must be a power of two, found {self.rows}")
        if self.lengths[-1] * self.widths[-1] > self.tokens:
            raise ValueError(
                f"the longest length {self.lengths[-1]} does not fit into {self.tokens} tokens "
                f"{self.widths[-1]} times"
            )
        return self

    @property
    def limit(self) -> int:
        return self.lengths[-1]

    def shapes(self) -> list[Shape]:
        """The whole grid, the cheapest shape first."""
        grid = [
            shape
            for length in self.lengths
            for width in self.widths
            for rows in (1 << power for power in range(self.rows.bit_length()))
            if (shape := Shape(rows, length, width)).tokens <= self.tokens
        ]
        return sorted(grid, key=lambda shape: (shape.tokens, shape))


def plan(
    lengths: ArrayLike, shapes: Collection[Shape], widths: ArrayLike | None = None
) -> list[Group]:
    """Group rows of these lengths into batches of these shapes; each index appears exactly once.

    Rows are taken longest first; slots that a batch has to spare go to the next shorter rows. In
    shapes of 1, 2 or 4 rows and of length 4 or 8, rows of length 5, 8, 2, 7 and 3 become

        Group([1, 3, 0, 4], 4x8)      three rows need length 8, and the 3 takes the spare slot
        Group([2], 1x4)

    A row that wants `widths` hypotheses, 1 if not given, runs in the narrowest shapes that have
    them and its length. Raises ValueError where a row fits no shape.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    wanted = np.ones_like(sizes) if widths is None else np.asarray(widths, dtype=np.int64)
    groups: list[Group] = []
    left = np.arange(len(sizes))
    for width in sorted({shape.width for shape in shapes}):
        alike = [shape for shape in shapes if shape.width == width]
        longest = max(shape.length for shape in alike)
        fits = (wanted[left] <= width) & (sizes[left] <= longest)
        chosen, left = left[fits], left[~fits]
        groups += [
            Group(chosen[group.indices], group.shape) for group in _plan(sizes[chosen], alike)
        ]
    if left.size:
        row = left[0]
        raise ValueError(f"a row of {sizes[row]} tokens and width {wanted[row]} fits no shape")
    return groups


def _plan(sizes: np.ndarray, shapes: Collection[Shape]) -> list[Group]:
    """The plan in shapes of one width, of which the longest takes every row."""
    rows_of: dict[int, list[int]] = {}
    (width,) = {shape.width for shape in shapes}
    for shape in sorted(shapes):
        rows_of.setdefault(shape.length, []).append(shape.rows)
    grid = sorted(rows_of)
    order = np.argsort(-sizes, kind="stable")
    bucket = np.searchsorted(grid, sizes[order])
    groups = []
    start = 0
    while start < len(order):
        length = grid[bucket[start]]
        alike = int(np.searchsorted(-bucket, -bucket[start], side="right")) - start
        rows = _rows(alike, rows_of[length])
        groups.append(Group(order[start : start + rows], Shape(rows, length, width)))
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
    out = np.full((shape.rows, shape.length, *inner), value, np.int32)
    for index, row in enumerate(rows):
        out[index, : len(row)] = row
    return out
