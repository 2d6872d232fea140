"""Texts of given lengths, made of words in the vocabulary of a model."""

import numpy as np

from textrnn.predictor import Predictor


def texts(predictor: Predictor, count: int, words: int | tuple[int, int]) -> list[str]:
    """`count` texts with `words` words, or a random number between two bounds. Deterministic."""
    random = np.random.default_rng(0)
    low, high = (words, words) if isinstance(words, int) else words
    lengths = random.integers(low, high + 1, count)
    ids = [random.integers(4, len(predictor.task.tokenizer), length) for length in lengths]
    return [predictor.task.tokenizer.decode(each) for each in ids]
