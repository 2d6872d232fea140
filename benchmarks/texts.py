"""Texts of given length for measurements, made of a model's own words."""

import numpy as np

from textrnn.predictor import Predictor


def texts(predictor: Predictor, count: int, words: int | tuple[int, int]) -> list[str]:
    """`count` texts of `words` words, or of so many between two bounds. Equal at every call."""
    random = np.random.default_rng(0)
    low, high = (words, words) if isinstance(words, int) else words
    lengths = random.integers(low, high + 1, count)
    ids = [random.integers(4, len(predictor.task.tokenizer), length) for length in lengths]
    return [predictor.task.tokenizer.decode(each) for each in ids]
