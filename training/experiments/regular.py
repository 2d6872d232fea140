"""Regular languages and finite automata: a network needs a state, and no further memory.

In parity and in the languages of Tomita, the label of every prefix is asked for. The other tasks
are the regular ones of Delétang et al. 2023, Neural networks and the Chomsky hierarchy, in which
one answer follows the sequence.
"""

import re
from collections.abc import Callable

import numpy as np

from training.experiments.sequences import SequenceTask, Series, one_hot, question_and_answer

MODULUS = 5
"""Of all tasks of arithmetic, as in Delétang et al. 2023."""


def parity(random: np.random.Generator, length: int) -> Series:
    """Whether the number of ones so far is odd."""
    bits = random.integers(2, size=length)
    return Series(one_hot(bits, 2), np.cumsum(bits) % 2, np.ones(length, bool))


_TOMITA = {
    1: r"1*",
    2: r"(10)*",
    4: r"(?!.*000).*",
    7: r"0*1*0*1*",
}


def _accepts(grammar: int, text: str) -> bool:
    zeros, ones = text.count("0"), text.count("1")
    match grammar:
        case 3:  # no odd number of ones is followed at once by an odd number of zeros
            pairs = re.findall(r"(1+)(0+)", text)
            return not any(len(one) % 2 and len(zero) % 2 for one, zero in pairs)
        case 5:
            return zeros % 2 == 0 and ones % 2 == 0
        case 6:
            return (zeros - ones) % 3 == 0
    return re.fullmatch(_TOMITA[grammar], text) is not None


def _can_be_accepted(grammar: int, text: str) -> bool:
    """Whether a text is in the language, or is one symbol later."""
    return any(_accepts(grammar, text + symbol) for symbol in ("", "0", "1"))


def tomita(grammar: int) -> Callable[[np.random.Generator, int], Series]:
    """Whether each prefix is in a language of Tomita 1982, numbered 1 to 7.

    Half of the strings are random. The others are in the language as long as a random walk can
    stay in it, since random strings leave some of them at once.
    """

    def make(random: np.random.Generator, length: int) -> Series:
        stays = random.integers(2)
        text = ""
        for _ in range(length):
            symbol = str(random.integers(2))
            other = "1" if symbol == "0" else "0"
            leaves = random.uniform() < 0.05
            if stays and not leaves and not _can_be_accepted(grammar, text + symbol):
                symbol = other
            text += symbol
        labels = [_accepts(grammar, text[: end + 1]) for end in range(length)]
        bits = np.array([int(symbol) for symbol in text])
        return Series(one_hot(bits, 2), np.array(labels, int), np.ones(length, bool))

    return make


def even_pairs(random: np.random.Generator, length: int) -> Series:
    """Whether the pairs 01 and 10 in a text are even in number."""
    bits = random.integers(2, size=length)
    changes = (bits[1:] != bits[:-1]).sum()
    return question_and_answer(bits, np.array([changes % 2]), 2)


def parity_check(random: np.random.Generator, length: int) -> Series:
    """Whether the number of ones is odd, asked for at the end alone."""
    bits = random.integers(2, size=length)
    return question_and_answer(bits, np.array([bits.sum() % 2]), 2)


def cycle_navigation(random: np.random.Generator, length: int) -> Series:
    """Moves on a circle of five places, to stay (0), ahead (1) and back (2); the last place."""
    moves = random.integers(3, size=length)
    place = ((moves == 1).sum() - (moves == 2).sum()) % MODULUS
    return question_and_answer(moves, np.array([place]), 3)


def modular_arithmetic_simple(random: np.random.Generator, length: int) -> Series:
    """Numbers 0 to 4 with + (5), - (6) and * (7) in between, without brackets; the value modulo 5.

    Products come first. An even length is shortened by one symbol.
    """
    numbers = random.integers(MODULUS, size=(length + 1) // 2)
    operators = random.integers(3, size=len(numbers) - 1)
    total, term = 0, int(numbers[0])
    for operator, number in zip(operators, numbers[1:], strict=True):
        if operator == 2:
            term = term * number % MODULUS
        else:
            total, term = total + term, (number if operator == 0 else -number)
    question = np.zeros(2 * len(numbers) - 1, int)
    question[::2], question[1::2] = numbers, MODULUS + operators
    return question_and_answer(question, np.array([(total + term) % MODULUS]), 8)


def _deletang(symbols: int, classes: int, make: Callable) -> SequenceTask:
    return SequenceTask(symbols + 1, classes, "classes", lambda length: length + 1, make)


REGULAR = {
    "parity": SequenceTask(2, 2, "classes", lambda length: length, parity),
    **{
        f"tomita{grammar}": SequenceTask(2, 2, "classes", lambda length: length, tomita(grammar))
        for grammar in range(1, 8)
    },
    "even_pairs": _deletang(2, 2, even_pairs),
    "parity_check": _deletang(2, 2, parity_check),
    "cycle_navigation": _deletang(3, MODULUS, cycle_navigation),
    "modular_arithmetic_simple": _deletang(8, MODULUS, modular_arithmetic_simple),
}
