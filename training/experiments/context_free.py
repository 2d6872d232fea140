"""Context-free languages: a network needs a stack.

The tasks from `stack_manipulation` on are the deterministic context-free ones of Delétang et al.
2023, Neural networks and the Chomsky hierarchy, in which the answer follows the sequence.
"""

import numpy as np

from training.experiments.regular import MODULUS
from training.experiments.sequences import SequenceTask, Series, one_hot, question_and_answer


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


def stack_manipulation(random: np.random.Generator, length: int) -> Series:
    """The content of a stack, bottom first, then actions: pop (2), push 0 (3) and push 1 (4).

    Asked for is the content after these, top first, and an end (2). A pop of an empty stack does
    nothing.
    """
    height = random.integers(1, length + 1)
    stack = random.integers(2, size=height).tolist()
    actions = random.integers(2, 5, size=length - height)
    question = np.concatenate([stack, actions]).astype(int)
    for action in actions:
        if action > 2:
            stack.append(action - 3)
        elif stack:
            stack.pop()
    return question_and_answer(question, np.array([*reversed(stack), 2]), 5)


def reverse_string(random: np.random.Generator, length: int) -> Series:
    """Bits, to be repeated in reverse order."""
    bits = random.integers(2, size=length)
    return question_and_answer(bits, bits[::-1], 2)


def modular_arithmetic(random: np.random.Generator, length: int) -> Series:
    """An expression of the numbers 0 to 4 with + - * and brackets; its value modulo 5."""
    text, value = _expression(random, length, "+-*")
    return question_and_answer(_symbols(text, _EXPRESSION), np.array([value]), len(_EXPRESSION))


def solve_equation(random: np.random.Generator, length: int) -> Series:
    """An expression with + and - in which a number is replaced by x, and its value modulo 5; x.

    A length of less than 3 has no equation, and is that of the shortest one.
    """
    text, value = _expression(random, max(length - 2, 1), "+-")
    places = [place for place, symbol in enumerate(text) if symbol.isdigit()]
    place = places[random.integers(len(places))]
    question = _symbols(f"{text[:place]}x{text[place + 1 :]}={value}", _EQUATION)
    return question_and_answer(question, np.array([int(text[place])]), len(_EQUATION))


_EXPRESSION = "01234+-*()"
_EQUATION = "01234+-()x="


def _symbols(text: str, alphabet: str) -> np.ndarray:
    return np.array([alphabet.index(symbol) for symbol in text])


def _expression(random: np.random.Generator, length: int, operators: str) -> tuple[str, int]:
    """An expression of exactly `length` symbols, and its value modulo 5."""
    if length <= 4:
        number = int(random.integers(MODULUS))
        form, sign = [("{}", 1), ("-{}", -1), ("({})", 1), ("(-{})", -1)][length - 1]
        return form.format(number), sign * number % MODULUS
    left_length = int(random.integers(1, length - 3))
    left, left_value = _expression(random, left_length, operators)
    right, right_value = _expression(random, length - 3 - left_length, operators)
    operator = operators[random.integers(len(operators))]
    value = {
        "+": left_value + right_value,
        "-": left_value - right_value,
        "*": left_value * right_value,
    }[operator]
    return f"({left}{operator}{right})", value % MODULUS


CONTEXT_FREE = {
    "counting": SequenceTask(3, 3, "classes", lambda count: 2 * count, counted),
    "dyck": SequenceTask(4, 3, "classes", lambda pairs: 2 * pairs, dyck),
    "stack_manipulation": SequenceTask(
        6, 3, "classes", lambda length: 2 * length + 1, stack_manipulation
    ),
    "reverse_string": SequenceTask(3, 2, "classes", lambda length: 2 * length, reverse_string),
    "modular_arithmetic": SequenceTask(
        len(_EXPRESSION) + 1, MODULUS, "classes", lambda length: length + 1, modular_arithmetic
    ),
    "solve_equation": SequenceTask(
        len(_EQUATION) + 1, MODULUS, "classes", lambda length: max(length, 3) + 1, solve_equation
    ),
}
