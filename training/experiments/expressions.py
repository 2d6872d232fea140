"""Tasks on trees: the values of nested expressions.

An expression such as `(1 and 0) or 1` is the tree ((((1 and) 0) or) 1): a value with an operator is
a function, and this with another value is an expression. The label of each expression in it, values
included, is its value; functions have none.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from textrnn.text.trees import Tree

Operator = Callable[[int, int], int]
NO_VALUE = ""


class TreeTask(NamedTuple):
    """Expressions of the numbers below `values`."""

    values: int
    operators: Mapping[str, Operator]
    """Their results are taken modulo `values`."""

    @property
    def words(self) -> list[str]:
        """All words of expressions."""
        return [*map(str, range(self.values)), *self.operators]

    def make(self, random: np.random.Generator, depth: int) -> Tree:
        """A random expression with `depth` operators on its longest path."""
        if depth == 0:
            value = str(random.integers(self.values))
            return Tree(value, (value,))
        depths = random.permutation(np.array([depth - 1, random.integers(depth)]))
        left, right = (self.make(random, int(part)) for part in depths)
        name = str(random.choice([*self.operators]))
        value = self.operators[name](int(left.label), int(right.label)) % self.values
        return Tree(str(value), (Tree(NO_VALUE, (left, name)), right))

    @staticmethod
    def most_leaves(depth: int) -> int:
        """The number of words of an expression, at most."""
        return 2 ** (depth + 1) - 1

    @staticmethod
    def height(depth: int) -> int:
        """The height of the tree of an expression."""
        return 2 * depth


TREE_TASKS = {
    "boolean": TreeTask(
        2,
        {"and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b},
    ),
    "arithmetic": TreeTask(
        3,
        {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b},
    ),
}
