"""Batches for truncated backpropagation through time: parallel streams of text, chunk by chunk.

text     abcdefghijkl                      two streams, chunks of 3, an epoch
batches  [abcd]  [defg]                    the first token of a chunk is given,
         [ghij]  [jkla]                    and the others are predicted
"""

from math import ceil
from typing import NamedTuple

import numpy as np

from textrnn.errors import UserError
from textrnn.tasks import StreamBatch
from training.epochs import rows_of_length
from training.recipe import TrainConfig


class Chunk(NamedTuple):
    """One batch: a chunk of each stream."""

    starts: np.ndarray
    """[rows]; the position in the text where each row begins."""
    first: bool
    """Whether it is the first of its pass, so that the state of the streams is reset."""


class Streams:
    """The batches of each epoch, a function of the seed and the number of the epoch alone.

    The text is a ring, and each pass over it begins at a random position. An epoch is one pass, or
    as many as `epoch_steps` takes. The end of each stream that is shorter than a chunk is left out.
    """

    def __init__(self, ids: np.ndarray, config: TrainConfig):
        self._ids = ids
        self._seed = config.seed
        self._length = config.lengths[-1]
        self.rows = rows_of_length(config, self._length)
        self._shards = config.shards or 1
        while self.rows > self._shards and len(ids) // self.rows < self._length:
            self.rows //= 2
        self._each = len(ids) // self.rows
        if self._each < self._length:
            raise UserError(
                f"data: the text has {len(ids)} tokens, and a chunk {self._length}; give more "
                "text, or lower train.lengths"
            )
        self._passes = max(1, ceil(config.epoch_steps / (self._each // self._length)))

    def batches(self, epoch: int) -> list[Chunk]:
        first = epoch * self._passes
        return [c for number in range(first, first + self._passes) for c in self._pass(number)]

    def _pass(self, number: int) -> list[Chunk]:
        random = np.random.default_rng([self._seed, number])
        starts = random.integers(len(self._ids)) + self._each * np.arange(self.rows)
        return [
            Chunk(starts + offset, offset == 0)
            for offset in range(0, self._each - self._length + 1, self._length)
        ]

    def steps(self, epochs: int) -> int:
        return epochs * self._passes * (self._each // self._length)

    def collate(self, chunk: Chunk, shard: int = 0) -> StreamBatch:
        """A shard of a batch: the same streams in each batch."""
        starts = chunk.starts.reshape(self._shards, -1)[shard]
        positions = starts[:, None] + np.arange(self._length + 1)
        return {
            "ids": self._ids[positions % len(self._ids)],
            "fresh": np.full(starts.shape, chunk.first),
        }
