"""The context-sensitive tasks of Delétang et al. 2023, Neural networks and the Chomsky hierarchy,
without binary multiplication: a network needs a tape. The answer follows the sequence.
"""

import math

import numpy as np
from jaxtyping import Int

from training.experiments.sequences import SequenceTask, Series, question_and_answer


def duplicate_string(random: np.random.Generator, length: int) -> Series:
    """Bits, to be repeated twice."""
    bits = random.integers(2, size=length)
    return question_and_answer(bits, np.tile(bits, 2), 2)


def missing_duplicate(random: np.random.Generator, length: int) -> Series:
    """The same bits twice, of which one is hidden (2); the hidden bit.

    An odd length is shortened by one symbol, and there are at least two.
    """
    bits = np.tile(random.integers(2, size=max(length // 2, 1)), 2)
    hidden = random.integers(len(bits))
    question = np.where(np.arange(len(bits)) == hidden, 2, bits)
    return question_and_answer(question, bits[[hidden]], 3)


def odds_first(random: np.random.Generator, length: int) -> Series:
    """Bits; the first, third, fifth and so on, and then the others."""
    bits = random.integers(2, size=length)
    return question_and_answer(bits, np.concatenate([bits[::2], bits[1::2]]), 2)


def binary_addition(random: np.random.Generator, length: int) -> Series:
    """Two numbers with a sign + (2) in between, lowest digit first; all digits of the sum.

    Fewer than three symbols have no sum, and become three. Delétang et al. ask for the digits up
    to the highest 1, and an end.
    """
    length = max(length, 3)
    digits = random.integers(2, size=length - 1)
    first, second = np.split(digits, [random.integers(1, length - 1)])
    total = _number(first[::-1]) + _number(second[::-1])
    answer = _digits(total, max(len(first), len(second)) + 1)[::-1]
    return question_and_answer(np.concatenate([first, [2], second]), answer, 3)


def compute_sqrt(random: np.random.Generator, length: int) -> Series:
    """A number, highest digit first; the digits of its square root, rounded down."""
    digits = random.integers(2, size=length)
    root = math.isqrt(_number(digits))
    return question_and_answer(digits, _digits(root, (length + 1) // 2), 2)


def bucket_sort(random: np.random.Generator, length: int) -> Series:
    """Symbols 0 to 4, to be sorted."""
    symbols = random.integers(5, size=length)
    return question_and_answer(symbols, np.sort(symbols), 5)


def _number(digits: Int[np.ndarray, " length"]) -> int:
    """The number with these binary digits, highest first."""
    return int("".join(map(str, digits)), 2)


def _digits(number: int, length: int) -> Int[np.ndarray, " digits"]:
    """The binary digits of a number, highest first."""
    return np.array([int(digit) for digit in f"{number:0{length}b}"])


CONTEXT_SENSITIVE = {
    "duplicate_string": SequenceTask(3, 2, "classes", lambda length: 3 * length, duplicate_string),
    "missing_duplicate": SequenceTask(
        4, 2, "classes", lambda length: max(length, 2) + 1, missing_duplicate
    ),
    "odds_first": SequenceTask(3, 2, "classes", lambda length: 2 * length, odds_first),
    "binary_addition": SequenceTask(
        4, 2, "classes", lambda length: 2 * max(length, 3), binary_addition
    ),
    "compute_sqrt": SequenceTask(
        3, 2, "classes", lambda length: length + (length + 1) // 2, compute_sqrt
    ),
    "bucket_sort": SequenceTask(6, 5, "classes", lambda length: 2 * length, bucket_sort),
}
