"""Truecasing: the first word of a sentence as it is written within one (Lita et al. 2003).

Bread is good.  ->  bread is good.        Tom is tall.  ->  Tom is tall.
Das Brot ist gut.  ->  das Brot ist gut.  Brot ist gut.  ->  Brot ist gut.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Self

import regex

_WORD = regex.compile(r"\p{L}[\p{L}\p{M}'-]*")
_FIRST = regex.compile(
    r"\A [\s\"'(\[¿¡]* (?P<word> \p{Lu} [\p{Ll}\p{M}]* ) (?! [\p{L}'] )", regex.VERBOSE
)
_SENTENCE = regex.compile(r"[.!?:…]")
_OFTEN = 5
"""A word has no capital if it is written without one at least so many times as often. Augmentation
writes some words with capitals."""


class Truecaser:
    """The words, in lower case, that have no capital within a sentence."""

    def __init__(self, lower_case: Collection[str]):
        self.lower_case = frozenset(lower_case)

    @classmethod
    def fit(cls, texts: Iterable[str]) -> Self:
        lower: Counter[str] = Counter()
        capital: Counter[str] = Counter()
        for text in texts:
            end = 0
            for match in _WORD.finditer(text):
                if end and not _SENTENCE.search(text, end, match.start()):
                    word = match[0]
                    (lower if word[0].islower() else capital)[word.lower()] += 1
                end = match.end()
        return cls({word for word, count in lower.items() if count >= _OFTEN * capital[word]})

    def apply(self, text: str) -> str:
        """The text, of the same length, whose first word is written as within a sentence.

        >>> Truecaser({"the", "is"}).apply('"The house is old."')
        '"the house is old."'
        """
        match = _FIRST.match(text)
        if match is None or match["word"].lower() not in self.lower_case:
            return text
        at = match.start("word")
        lower = text[at].lower()
        return text[:at] + lower + text[at + 1 :] if len(lower) == 1 else text
