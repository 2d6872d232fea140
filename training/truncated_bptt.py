"""Long texts as streams side by side: each batch goes on where the one before it ended.

text     abcdefghijkl                      two streams, stretches of 3, an epoch
batches  [abcd]  [defg]                    the first token of a stretch is given,
         [ghij]  [jkla]                    and the others are predicted
"""

from typing import NamedTuple

import numpy as np

from textrnn.batching import Buckets
from textrnn.errors import UserError
from textrnn.tasks import Batch
from training.epochs import widest


class Stretch(NamedTuple):
    """A batch: where in the text each row begins, and whether it is the first of an epoch."""

    starts: np.ndarray
    first: bool


class Streams:
    """The batches of each epoch, a function of the seed and the number of the epoch alone.

    An epoch begins at a random place of the text, which is a ring. What is left at its end, less
    than a stretch of each stream, is left out.
    """

    def __init__(self, ids: np.ndarray, buckets: Buckets, seed: int, devices: int = 1):
        self._ids = ids
        self._seed = seed
        self.rows, self._length, _ = widest(buckets, devices)[-1]
        while self.rows > devices and len(ids) // self.rows < self._length:
            self.rows //= 2
        self._each = len(ids) // self.rows
        if self._each < self._length:
            raise UserError(
                f"data: the text has {len(ids)} tokens, and a stretch {self._length}; give more "
                "text, or lower train.lengths"
            )

    def batches(self, epoch: int) -> list[Stretch]:
        random = np.random.default_rng([self._seed, epoch])
        starts = random.integers(len(self._ids)) + self._each * np.arange(self.rows)
        return [
            Stretch(starts + offset, offset == 0)
            for offset in range(0, self._each - self._length + 1, self._length)
        ]

    def steps(self, epochs: int) -> int:
        return epochs * (self._each // self._length)

    def collate(self, stretch: Stretch) -> Batch:
        places = stretch.starts[:, None] + np.arange(self._length + 1)
        return {
            "ids": self._ids[places % len(self._ids)],
            "fresh": np.full(self.rows, stretch.first),
            "lengths": np.full(self.rows, self._length, np.int32),
        }
