"""Grouping rows into padded batches. Padding is decided nowhere else.

Every shape comes from a small fixed grid, so that the number of compiled programs is bounded and
known before the first request.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import PositiveInt, model_validator

from textrnn.config import Config


class Shape(NamedTuple):
    """The shape of a batch: `rows` sequences padded to `length` tokens, and `width` hypotheses of
    each for tasks that use beam search."""

    rows: int
    length: int
    width: int = 1

    @property
    def tokens(self) -> int:
        return self.rows * self.length * self.width


class Group(NamedTuple):
    """Rows that run as one batch: their indices, and the shape to pad them to."""

    indices: np.ndarray
    shape: Shape


class Buckets(Config):
    """The grid of shapes: all combinations of these lengths and widths with powers of two up to
    `rows`, limited to `tokens` per batch.

    The last length is the longest sequence that a model can process, the last width the widest
    beam.
    """

    lengths: tuple[PositiveInt, ...] = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
    """Padded lengths in tokens, in increasing order."""
    rows: PositiveInt = 128
    """Maximum rows per batch, a power of two."""
    tokens: PositiveInt = 8192
    """Maximum tokens per batch, including padding."""
    widths: tuple[PositiveInt, ...] = (1,)
    """Numbers of hypotheses per row for which programs are compiled."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, values in (("lengths", self.lengths), ("widths", self.widths)):
            if not values or list(values) != sorted(set(values)):
                raise ValueError(f"{name} must increase, found {list(values)}")
        if self.rows & (self.rows - 1):
            raise ValueError(f"rows must be a power of two, found {self.rows}")
        if self.lengths[-1] * self.widths[-1] > self.tokens:
            raise ValueError(
                f"a row of the longest length {self.lengths[-1]} and width {self.widths[-1]} does "
                f"not fit into {self.tokens} tokens"
            )
        return self

    @property
    def limit(self) -> int:
        """The longest sequence that can be processed, in tokens."""
        return self.lengths[-1]

    def cost(self, length: int, width: int) -> int:
        """The cost of a sequence in tokens: its padded length times its hypotheses."""
        padded = self.lengths[bisect_left(self.lengths, length)]
        wider = self.widths[bisect_left(self.widths, width) :]
        return padded * (wider[0] if wider else width)

    def shapes(self) -> list[Shape]:
        """The whole grid, in order of cost."""
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

    Rows are taken in descending order of length, and spare slots of a batch are filled with the
    next shorter rows. For shapes of 1, 2 or 4 rows and of length 4 or 8, rows of length 5, 8, 2, 7
    and 3 become

        Group([1, 3, 0, 4], 4x8)      three rows need length 8; the row of 3 fills the spare slot
        Group([2], 1x4)

    `widths` are the hypotheses that each row needs, 1 by default. A row runs in the narrowest
    shapes that fit its width and length. Raises ValueError if a row fits no shape.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    needed = np.ones_like(sizes) if widths is None else np.asarray(widths, dtype=np.int64)
    groups: list[Group] = []
    left = np.arange(len(sizes))
    for width in sorted({shape.width for shape in shapes}):
        of_width = [shape for shape in shapes if shape.width == width]
        longest = max(shape.length for shape in of_width)
        fits = (needed[left] <= width) & (sizes[left] <= longest)
        chosen, left = left[fits], left[~fits]
        groups += [
            Group(chosen[group.indices], group.shape) for group in _plan(sizes[chosen], of_width)
        ]
    if left.size:
        row = left[0]
        raise ValueError(f"a row of {sizes[row]} tokens and width {needed[row]} fits no shape")
    return groups


def _plan(sizes: np.ndarray, shapes: Collection[Shape]) -> list[Group]:
    """Plan within shapes of one width, the longest of which fits every row."""
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
        same_bucket = int(np.searchsorted(-bucket, -bucket[start], side="right")) - start
        rows = _choose_rows(same_bucket, rows_of[length])
        groups.append(Group(order[start : start + rows], Shape(rows, length, width)))
        start += rows
    return groups


def _choose_rows(waiting: int, choices: Sequence[int]) -> int:
    """The batch size to run next when `waiting` rows of one length are left.

    Rounding up is cheap for up to 8 rows, where the cost of a step hardly depends on the batch
    size, and if at least three quarters of the batch are filled. Otherwise a smaller batch runs
    full, and the rest follows.
    """
    above = min((rows for rows in choices if rows >= waiting), default=None)
    below = max((rows for rows in choices if rows <= waiting), default=None)
    if above is None or below is None:
        return above or below or 0
    return above if above <= 8 or 4 * waiting >= 3 * above else below


def pad(
    rows: Sequence[np.ndarray], shape: Shape, value: int = 0, inner: tuple[int, ...] = ()
) -> np.ndarray:
    """Stack arrays of [length, *inner] into int32 [shape.rows, shape.length, *inner], padded with
    `value`."""
    out = np.full((shape.rows, shape.length, *inner), value, np.int32)
    for index, row in enumerate(rows):
        out[index, : len(row)] = row
    return out
