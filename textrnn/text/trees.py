"""Labelled trees, and the brackets in which treebanks write them: `(3 (2 a) (4 gem))`."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_PARTS = re.compile(r"\(\s*([^()\s]+)|([^()\s]+)|\S")


class Tree(NamedTuple):
    """A phrase: its label, and the phrases and words that it consists of."""

    label: str
    children: "tuple[Tree | str, ...]"

    def subtrees(self) -> "Iterator[Tree]":
        """The phrase and all phrases in it, each before its parts, from left to right."""
        waiting = [self]  # no recursion, as a tree may be deep
        while waiting:
            phrase = waiting.pop()
            yield phrase
            waiting += [part for part in reversed(phrase.children) if isinstance(part, Tree)]

    def words(self) -> list[str]:
        """The words from left to right."""
        words: list[str] = []
        waiting: list[Tree | str] = [self]
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                words.append(part)
            else:
                waiting += reversed(part.children)
        return words


def parse_tree(text: str) -> Tree:
    """The tree that brackets describe.

    >>> parse_tree("(3 (2 a) (4 gem))").words()
    ['a', 'gem']

    Raises ValueError, with the place, if there is no tree, more than one, or an empty phrase, or if
    the brackets do not match.
    """
    open_phrases: list[tuple[str, list[Tree | str]]] = []
    tree = None
    for part in _PARTS.finditer(text):
        label, word = part.groups()
        inside = bool(open_phrases)
        if label is not None and tree is None:
            open_phrases.append((label, []))
        elif word is not None and inside:
            open_phrases[-1][1].append(word)
        elif part.group() == ")" and inside and open_phrases[-1][1]:
            name, children = open_phrases.pop()
            phrase = Tree(name, tuple(children))
            if open_phrases:
                open_phrases[-1][1].append(phrase)
            else:
                tree = phrase
        else:
            raise ValueError(f"found {part.group()!r} at character {part.start() + 1}")
    if open_phrases or tree is None:
        raise ValueError("a bracket is not closed" if open_phrases else "there is no tree")
    return tree
