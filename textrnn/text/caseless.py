"""Characters without regard to case, for models that are to read "EXIT" as they read "exit"."""

from collections.abc import Sequence
from typing import Self

from textrnn.rows import Row, text_of
from textrnn.text.chars import CharTokenizer
from textrnn.text.tokenizer import TokenizerConfig, Tokens


class CaselessTokenizer(CharTokenizer):
    """Characters by rank after folding: letters are lower case, and all decimal digits of ASCII are
    one character. Spans are those of the text as given."""

    kind = "caseless"

    @classmethod
    def fit_rows(cls, rows: Sequence[Row], config: TokenizerConfig) -> Self:
        return cls.fit((fold(text_of(row)) for row in rows), config.size, config.min_count)

    def encode(self, text: str, max_tokens: int | None = None) -> Tokens:
        return super().encode(fold(text[:max_tokens]), max_tokens)


def fold(text: str) -> str:
    """The text in lower case with 0 for each ASCII digit, character by character.

    >>> fold("Platz 27, İÄ")
    'platz 00, İä'
    """
    lower = text.lower()
    if len(lower) != len(text):  # some characters have more than one as their lower case
        lower = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    return lower.translate(_DIGITS)


_DIGITS = str.maketrans("123456789", "0" * 9)
