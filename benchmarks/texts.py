"""Texts of given lengths, made of words in the vocabulary of a model."""

from collections.abc import Iterable

import numpy as np

from textrnn.predictor import Predictor


def texts(predictor: Predictor, count: int, words: int | tuple[int, int]) -> list[str]:
    """`count` texts with `words` words, or a random number between two bounds. Deterministic."""
    low, high = (words, words) if isinstance(words, int) else words
    return texts_of_lengths(predictor, np.random.default_rng(1).integers(low, high + 1, count))


def texts_of_lengths(predictor: Predictor, lengths: Iterable[int]) -> list[str]:
    """A text of each of these numbers of words. Deterministic."""
    random, tokenizer = np.random.default_rng(0), predictor.task.tokenizer
    return [tokenizer.decode(random.integers(4, len(tokenizer), length)) for length in lengths]
