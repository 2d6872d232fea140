"""Sequences of inputs with the outputs that are asked for, and batches of them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from textrnn.layers.axes import BatchArray


class Series(NamedTuple):
    """One sequence."""

    x: Float[np.ndarray, "length inputs"]
    y: np.ndarray
    """[length, outputs] numbers, or [length] classes."""
    mask: np.ndarray
    """[length]; whether the output of each step counts."""


class SequenceBatch(NamedTuple):
    """Ragged sequences, filled up to a static number of tokens."""

    x: Float[BatchArray, "tokens inputs"]
    y: BatchArray
    """[tokens, outputs] numbers, or [tokens] classes."""
    mask: Float[BatchArray, " tokens"]
    """1 where the output counts, else 0."""
    lengths: Int[BatchArray, " rows"]


class SequenceTask(NamedTuple):
    """A task on sequences of a given size, such as the number of symbols to copy."""

    inputs: int
    outputs: int
    classes: bool
    """Whether an output is the logits of a class, or else numbers."""
    longest: Callable[[int], int]
    """The number of steps of a sequence of a size, at most."""
    make: Callable[[np.random.Generator, int], Series]
    """A random sequence of a size."""


def batch_of(sequences: Sequence[Series], tokens: int) -> SequenceBatch:
    """The sequences as a batch with room for `tokens` tokens."""
    lengths = np.array([len(each.x) for each in sequences], np.int32)

    def joined(parts: list[np.ndarray]) -> np.ndarray:
        whole = np.concatenate(parts)
        return np.pad(whole, [(0, tokens - len(whole)), *[(0, 0)] * (whole.ndim - 1)])

    x = joined([each.x for each in sequences]).astype(np.float32)
    y = joined([each.y for each in sequences])
    mask = joined([each.mask for each in sequences]).astype(np.float32)
    return SequenceBatch(x, y, mask, lengths)
