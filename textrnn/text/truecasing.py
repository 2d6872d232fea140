"""Truecasing: words as they are written within a sentence (Lita et al. 2003).

Bread is good.  ->  bread is good.        Tom is tall.  ->  Tom is tall.
Das Brot ist gut.  ->  das Brot ist gut.  Brot ist gut.  ->  Brot ist gut.
Tom Is Back In Town  ->  Tom is back in town
"""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Self

import regex

OPENING = "\"'([¿¡"
"""Marks before the first word of a sentence."""
COPIED_WORD = "\ue000"
"""Replaces a copied word. A private-use character, which no vocabulary contains."""
_WORD = regex.compile(r"\p{L}[\p{L}\p{M}'-]*")
_FIRST = regex.compile(
    rf"""
    \A [\s{regex.escape(OPENING)}]* (?: {COPIED_WORD} [\s{regex.escape(OPENING)}]* )?
    (?P<word> \p{{Lu}} [\p{{Ll}}\p{{M}}]* ) (?! [\p{{L}}'] )
    """,
    regex.VERBOSE,
)
_SENTENCE = regex.compile(r"[.!?:…]")
_CAPITALISED = regex.compile(r"\p{Lu} [\p{Ll}\p{M}]*", regex.VERBOSE)
_SHORT = 3
"""Letters of the longest word that a headline may have without a capital: "of", "the"."""
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
        """The text, of the same length, whose first word is written as within a sentence, and in a
        headline all words.

        >>> Truecaser({"the", "is"}).apply('"The house is old."')
        '"the house is old."'
        >>> Truecaser({"back", "is"}).apply("Tom Is Back")
        'Tom is back'
        """
        letters = list(text)
        for start in self._starts(text):
            lower = text[start].lower()
            letters[start] = lower if len(lower) == 1 else text[start]
        return "".join(letters)

    def _starts(self, text: str) -> list[int]:
        """The starts of the words that lose their capital."""
        headline = self._headline(text)
        if headline:
            return headline
        match = _FIRST.match(text)
        known = match is not None and match["word"].lower() in self.lower_case
        return [match.start("word")] if match is not None and known else []

    def _headline(self, text: str) -> list[int]:
        """The starts of the words of a headline that lose their capital; none if the text is no
        headline, which has three words at least, all with capitals but for short ones. A name or a
        title is none: most of what follows the first word must have no capital in a sentence."""
        words = []
        for word in _WORD.finditer(text):
            if word[0][0].islower() and len(word[0]) > _SHORT:
                return []  # as in most texts, after a word or two
            words.append(word)
        capitals = [word for word in words if not word[0][0].islower()]
        lowered = [
            word
            for word in capitals
            if _CAPITALISED.fullmatch(word[0]) and word[0].lower() in self.lower_case
        ]
        found = sum(word is not words[0] for word in lowered)
        rest = sum(word is not words[0] for word in capitals)
        is_headline = len(words) >= 3 and 2 * found > rest and found > len(words) - len(capitals)
        return [word.start() for word in lowered] if is_headline else []
