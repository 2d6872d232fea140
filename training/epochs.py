"""Epochs: in which batches, and in which order, an epoch visits the examples."""

from collections.abc import Callable, Sequence

import numpy as np

from textrnn.batching import Buckets, Group, Shape, plan
from textrnn.tasks import Batch, Window

POOL = 64
"""Batches whose rows are sorted by length together: more of them mean less padding and a weaker
shuffle."""


class Epochs:
    """The batches of each epoch, a function of the seed and the number of the epoch alone.

    There is one shape for each length, with as many rows as the budget allows, so that all batches
    of a length have the same weight; at most one batch of a pool has empty rows.
    """

    def __init__(
        self,
        windows: Sequence[Window],
        collate: Callable[[Sequence[Window], Shape], Batch],
        buckets: Buckets,
        seed: int,
        devices: int = 1,
    ):
        self._windows = windows
        self._collate = collate
        self._lengths = np.array([len(window) for window in windows])
        self._seed = seed
        self._pool = POOL * buckets.rows
        self.shapes = widest(buckets, devices)
        self.rows = max(shape.rows for shape in self.shapes)

    def batches(self, epoch: int) -> list[Group]:
        random = np.random.default_rng([self._seed, epoch])
        order = random.permutation(len(self._lengths))
        groups = []
        for start in range(0, len(order), self._pool):
            pool = order[start : start + self._pool]
            groups += [
                Group(pool[group.indices], group.shape)
                for group in plan(self._lengths[pool], self.shapes)
            ]
        return [groups[index] for index in random.permutation(len(groups))]

    def steps(self, epochs: int) -> int:
        return sum(len(self.batches(epoch)) for epoch in range(epochs))

    def collate(self, group: Group) -> Batch:
        return self._collate([self._windows[index] for index in group.indices], group.shape)


def widest(buckets: Buckets, devices: int) -> list[Shape]:
    """The shape with the most rows for each length, the shortest length first."""
    widest = {shape.length: shape for shape in sorted(buckets.shapes())}
    return [Shape(max(shape.rows, devices), shape.length) for shape in widest.values()]
