"""Tasks on symbols: formal languages, and what has to be remembered.

In the languages of Tomita and in parity, the label of every prefix is asked for. In those that are
predicted, it is the next symbol, wherever there is only one.
"""

import re
from collections.abc import Callable

import numpy as np
from jaxtyping import Int

from training.experiments.sequences import SequenceTask, Series


def one_hot(symbols: Int[np.ndarray, " length"], count: int) -> np.ndarray:
    return np.eye(count)[symbols]


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


def counted(random: np.random.Generator, count: int) -> Series:
    """a^n b^n: after the first b, all that follows is known, the end included."""
    text = np.array([0] * count + [1] * count + [2])
    mask = np.arange(2 * count) >= count
    return Series(one_hot(text[:-1], 3), text[1:], mask)


def dyck(random: np.random.Generator, pairs: int) -> Series:
    """Brackets of two kinds, `pairs` of each opened and closed again; which kind of bracket is
    open now, or none."""
    text, kinds, opened, left = [], [], [], pairs
    while left or opened:
        if left and (not opened or random.integers(2)):
            opened.append(int(random.integers(2)))
            text.append(opened[-1])
            left -= 1
        else:
            text.append(2 + opened.pop())
        kinds.append(1 + opened[-1] if opened else 0)
    return Series(one_hot(np.array(text), 4), np.array(kinds), np.ones(len(text), bool))


def flip_flop(random: np.random.Generator, length: int) -> Series:
    """Instructions write, ignore and read, each with a bit; at a read, the bit written last.

    Liu et al. 2023, Exposing attention glitches with flip-flop language modeling. The first
    instruction is a write, the last one a read; of the others, 80 % are ignored.
    """
    instructions = random.choice(3, size=length, p=[0.1, 0.8, 0.1])
    instructions[0], instructions[-1] = 0, 2
    bits = random.integers(2, size=length)
    stored = np.maximum.accumulate(np.where(instructions == 0, np.arange(length), 0))
    shown = np.where(instructions == 2, 0, bits)  # a read does not say what it asks for
    x = np.concatenate([one_hot(instructions, 3), one_hot(shown, 2)], axis=1)
    return Series(x, bits[stored], instructions == 2)


def copying(random: np.random.Generator, count: int) -> Series:
    """Vectors of 8 bits, then a mark, then the same vectors without any input: numbers."""
    bits = random.integers(2, size=(count, 8))
    x = np.zeros((2 * count + 1, 9))
    x[:count, :8], x[count, 8] = bits, 1
    y = np.zeros((2 * count + 1, 8))
    y[count + 1 :] = bits
    return Series(x, y, np.arange(2 * count + 1) > count)


SYMBOLS = {
    "parity": SequenceTask(2, 2, True, lambda length: length, parity),
    **{
        f"tomita{grammar}": SequenceTask(2, 2, True, lambda length: length, tomita(grammar))
        for grammar in range(1, 8)
    },
    "counting": SequenceTask(3, 3, True, lambda count: 2 * count, counted),
    "dyck": SequenceTask(4, 3, True, lambda pairs: 2 * pairs, dyck),
    "flip_flop": SequenceTask(5, 2, True, lambda length: length, flip_flop),
    "copying": SequenceTask(9, 8, False, lambda count: 2 * count + 1, copying),
}
