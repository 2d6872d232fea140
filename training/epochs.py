"""Epochs: in which batches, and in which order, an epoch visits the examples."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from math import ceil

import numpy as np

from textrnn.batching import Group, Shape
from textrnn.tasks import Batch, Window
from training.recipe import TrainConfig

POOL = 64
"""Batches whose rows are sorted by length together: more of them mean less padding and a weaker
shuffle."""


class Epochs:
    """The batches of each epoch, a function of the seed and the number of the epoch alone.

    There is one shape for each length, with as many rows as the budget allows, so that all batches
    of a length have the same weight; at most one batch of a pool has empty rows. The shards of a
    batch get its rows in turn. An epoch is one pass over the windows, or as many as `epoch_steps`
    takes.
    """

    def __init__(
        self,
        windows: Sequence[Window],
        collate: Callable[[Sequence[Window], Shape], Batch],
        config: TrainConfig,
        augmented: Callable[[int], Sequence[Window]] | None = None,
    ):
        """`augmented` gives the windows of an epoch, if they are not the same in each."""
        self._augmented = augmented
        self._set_windows(windows)
        self._collate = collate
        self._grid = config.lengths
        self._rows = [rows_of_length(config, length) for length in config.lengths]
        self._shards = config.shards or 1
        self._seed = config.seed
        self._pool = POOL * config.rows
        self._passes = max(1, ceil(config.epoch_steps / max(len(self._grouped(0)), 1)))

    def _set_windows(self, windows: Sequence[Window]) -> None:
        self._windows = windows
        self._lengths = np.array([len(window) for window in windows])

    def batches(self, epoch: int) -> list[Group]:
        """The batches of an epoch, for `collate` until those of another epoch are asked for."""
        if self._augmented is not None:
            self._set_windows(self._augmented(epoch))
        first = epoch * self._passes
        return [g for number in range(first, first + self._passes) for g in self._grouped(number)]

    def _grouped(self, number: int) -> list[Group]:
        """The batches of one pass."""
        random = np.random.default_rng([self._seed, number])
        order = random.permutation(len(self._lengths))
        groups: list[Group] = []
        for start in range(0, len(order), self._pool):
            groups += self._groups(order[start : start + self._pool])
        return [groups[index] for index in random.permutation(len(groups))]

    def _groups(self, pool: np.ndarray) -> list[Group]:
        """Batches of similar lengths: the longest row selects the shape, and the next shorter ones
        fill it."""
        left = pool[np.argsort(-self._lengths[pool], kind="stable")]
        groups = []
        while left.size:
            place = bisect_left(self._grid, self._lengths[left[0]])
            rows, length = self._rows[place], self._grid[place]
            groups.append(Group(left[:rows], Shape(rows, rows * length)))
            left = left[rows:]
        return groups

    def steps(self, epochs: int) -> int:
        """The batches of all epochs; an estimate if their windows differ."""
        return sum(len(self._grouped(number)) for number in range(epochs * self._passes))

    def collate(self, group: Group, shard: int = 0) -> Batch:
        """A shard of a batch."""
        rows, tokens = group.shape.rows // self._shards, group.shape.tokens // self._shards
        windows = [self._windows[index] for index in group.indices[shard :: self._shards]]
        return self._collate(windows, Shape(rows, tokens))


def rows_of_length(config: TrainConfig, length: int) -> int:
    """Rows of a batch of this length: a power of two in each shard, as many as the limits allow and
    at least one."""
    shards = config.shards or 1
    rows = min(config.rows, config.tokens // length) // shards
    return shards << max(rows.bit_length() - 1, 0)
