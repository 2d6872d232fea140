"""Sequences of inputs with the outputs that are asked for, and batches of them."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from textrnn.layers.axes import BatchArray


class Series(NamedTuple):
    """One sequence."""

    x: Float[np.ndarray, "length inputs"]
    y: np.ndarray
    """[length, outputs] bits or numbers, or [length] classes."""
    mask: np.ndarray
    """[length]; whether the output of each step counts."""


class SequenceBatch(NamedTuple):
    """Ragged sequences, filled up to a static number of tokens."""

    x: Float[BatchArray, "tokens inputs"]
    y: BatchArray
    """[tokens, outputs] bits or numbers, or [tokens] classes."""
    mask: Float[BatchArray, " tokens"]
    """1 where the output counts, else 0."""
    lengths: Int[BatchArray, " rows"]


class SequenceTask(NamedTuple):
    """A task on sequences of a given size, such as the number of symbols to copy."""

    inputs: int
    outputs: int
    kind: Literal["classes", "bits", "numbers"]
    """What is asked for at each step: one of `outputs` classes, or `outputs` bits or numbers."""
    longest: Callable[[int], int]
    """The number of steps of a sequence of a size, at most."""
    make: Callable[[np.random.Generator, int], Series]
    """A random sequence of a size."""


def one_hot(symbols: Int[np.ndarray, " length"], count: int) -> Float[np.ndarray, "length {count}"]:
    """A vector of `count` numbers for each symbol."""
    return np.eye(count)[symbols]


def question_and_answer(
    question: Int[np.ndarray, " length"], answer: Int[np.ndarray, " _"], symbols: int
) -> Series:
    """The symbols of a question, then a mark for each symbol of the answer, which alone count."""
    marks = np.full(len(answer), symbols)
    x = one_hot(np.concatenate([question, marks]), symbols + 1)
    y = np.concatenate([np.zeros(len(question), int), answer])
    return Series(x, y, np.arange(len(y)) >= len(question))


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
