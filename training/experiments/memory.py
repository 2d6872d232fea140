"""Tasks that ask for what was shown before."""

import numpy as np

from training.experiments.sequences import SequenceTask, Series, one_hot, question_and_answer


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


def long_gap(random: np.random.Generator, gap: int) -> Series:
    """One of two symbols, then a gap of predictable ones; which of the two it was.

    Schmidhuber 1992, Learning complex, extended sequences using the principle of history
    compression, whose gap is b1, b2, ..., b20. Here the gap repeats eight symbols, so
    that it may have any length.
    """
    first = random.integers(2)
    question = np.concatenate([[first], 2 + np.arange(gap) % 8])
    return question_and_answer(question, np.array([first]), 10)


def copying(random: np.random.Generator, count: int) -> Series:
    """Vectors of 8 bits, then a mark; the same vectors, without any further input.

    Graves et al. 2014, section 4.1.
    """
    bits = random.integers(2, size=(count, 8))
    x = np.zeros((2 * count + 1, 9))
    x[:count, :8], x[count, 8] = bits, 1
    y = np.zeros((2 * count + 1, 8))
    y[count + 1 :] = bits
    return Series(x, y, np.arange(2 * count + 1) > count)


def repeat_copy(random: np.random.Generator, count: int) -> Series:
    """Vectors of 8 bits, then a number from 1 to 10; the vectors so many times, and an end.

    Graves et al. 2014, section 4.2. The number is an input of its own, divided by ten; there, it is
    scaled to a mean of 0 and a variance of 1. The end is a ninth bit.
    """
    repeats = int(random.integers(1, 11))
    bits = random.integers(2, size=(count, 8))
    asked, length = count * repeats + 1, count * (repeats + 1) + 2
    x = np.zeros((length, 10))
    x[:count, :8], x[count, 8:] = bits, (1, repeats / 10)
    y = np.zeros((length, 9))
    y[-asked:-1, :8], y[-1, 8] = np.tile(bits, (repeats, 1)), 1
    return Series(x, y, np.arange(length) >= length - asked)


def associative_recall(random: np.random.Generator, items: int) -> Series:
    """Items of three vectors of 6 bits, each after a mark, then one of them after another mark; the
    item that followed it.

    Graves et al. 2014, section 4.3. There are at least two items.
    """
    items = max(items, 2)
    bits = random.integers(2, size=(items, 3, 6))
    asked = random.integers(items - 1)
    shown = np.concatenate([bits, bits[[asked]]])
    x = np.zeros((4 * (items + 1) + 4, 8))
    x[: 4 * items : 4, 6], x[4 * items :: 4, 7] = 1, 1
    for step in range(3):
        x[step + 1 : 4 * (items + 1) : 4, :6] = shown[:, step]
    y = np.zeros((len(x), 6))
    y[-3:] = bits[asked + 1]
    return Series(x, y, np.arange(len(x)) >= len(x) - 3)


MEMORY = {
    "flip_flop": SequenceTask(5, 2, "classes", lambda length: length, flip_flop),
    "long_gap": SequenceTask(11, 2, "classes", lambda gap: gap + 2, long_gap),
    "copying": SequenceTask(9, 8, "bits", lambda count: 2 * count + 1, copying),
    "repeat_copy": SequenceTask(10, 9, "bits", lambda count: 11 * count + 2, repeat_copy),
    "associative_recall": SequenceTask(
        8, 6, "bits", lambda items: 4 * max(items, 2) + 8, associative_recall
    ),
}
