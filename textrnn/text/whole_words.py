"""Subwords of a text with placeholders, in which a word is the same subwords wherever it stands.

    text      "Open" <b>doors</b>
    subwords  ▁" ▁open " ▁ <unk> ▁doors <unk>

The first word of a sentence is truecased, and a word that follows an opening mark or a placeholder
is encoded as if a space were before it.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import regex
from jaxtyping import Int

from textrnn.text.subwords import SubwordTokenizer
from textrnn.text.tokenizer import UNK, Tokens
from textrnn.text.treebank import Offsets
from textrnn.text.truecasing import COPIED_WORD, OPENING, Truecaser

_OPENING = OPENING + "{"
_JOINED = regex.compile(
    rf"(?<= {COPIED_WORD} | (?: \A | \s ) [{regex.escape(_OPENING)}]+ ) (?= [\p{{L}}\p{{N}}] )",
    regex.VERBOSE,
)
"""Where a word follows a placeholder or opening marks without a space."""


class Copyable(NamedTuple):
    """A text with UNK in place of the words to copy."""

    tokens: Tokens
    words: list[str]
    """The word of each UNK."""


class Prefix(str):
    """A copied word that the next word follows without a space, as in <b>word</b>."""


class WordEncoder:
    """Text of one language to subwords. Without a truecaser, as in earlier bundles, case and the
    marks before words are read as they are."""

    def __init__(self, subwords: SubwordTokenizer, truecaser: Truecaser | None):
        self.truecaser = truecaser
        self._subwords = subwords

    def encode(self, text: str, max_tokens: int | None = None) -> Tokens:
        if self.truecaser is None:
            return self._subwords.encode(text, max_tokens)
        inner, origins = separated(self.truecaser.apply(text))
        tokens = self._subwords.encode(inner, max_tokens)
        return Tokens(tokens.ids, np.array(origins, np.int32)[tokens.spans])

    def encode_copyable(
        self, text: str, plain: str, words: Iterable[Offsets], max_tokens: int | None = None
    ) -> Copyable:
        """The tokens of `plain` with UNK in place of `words`, and spans in `text`, which is as
        long."""
        parts: list[str] = []
        origins: list[int] = []  # the position in `text` of each character of `parts`
        done = 0
        for start, end in words:
            parts += plain[done:start], COPIED_WORD
            origins += range(done, start + 1)
            done = end
        parts.append(plain[done:])
        origins += range(done, len(plain) + 1)
        tokens = self.encode("".join(parts), max_tokens)
        return with_words(text, Tokens(tokens.ids, np.array(origins, np.int32)[tokens.spans]))

    def lowers(self, text: str) -> bool:
        """Whether the first word of a text has a capital that it has not within a sentence."""
        return self.truecaser is not None and self.truecaser.apply(text) != text


def with_words(text: str, tokens: Tokens) -> Copyable:
    """The tokens of a text, with what each UNK stands for."""
    spans = tokens.spans[tokens.ids == UNK].tolist()
    return Copyable(tokens, [_word(text, start, end) for start, end in spans])


def _word(text: str, start: int, end: int) -> str:
    return (Prefix if text[end:][:1].isalnum() else str)(text[start:end])


def separated(text: str) -> tuple[str, list[int]]:
    """The text with a space before each word that follows a placeholder or opening marks, and the
    position in `text` of each of its characters and of its end."""
    parts: list[str] = []
    origins: list[int] = []
    done = 0
    for match in _JOINED.finditer(text):
        at = match.start()
        parts += text[done:at], " "
        origins += [*range(done, at), at]
        done = at
    return "".join([*parts, text[done:]]), origins + list(range(done, len(text) + 1))


def join_subwords(
    ids: Int[np.ndarray, " tokens"], words: Iterable[str], subwords: SubwordTokenizer, marks: bool
) -> list[str]:
    """Subwords, with ▁ for a space, and the `words` in place of each UNK. There is no space after a
    Prefix, nor, with `marks`, after marks that open a word."""
    copied = iter(words)
    pieces: list[str] = []
    start = ""  # of the word, with a placeholder for what is copied
    joined = False  # with the next piece
    for id in ids.tolist():
        if id == UNK:
            word = next(copied, "")
            pieces.append(word)
            start += COPIED_WORD
            joined = isinstance(word, Prefix)
        else:
            piece = subwords.piece(id)
            pieces.append(piece.removeprefix("▁") if joined else piece)
            start = piece[1:] if piece.startswith("▁") else start + piece
            joined = marks and start != "" and not start.strip(_OPENING)
    return pieces
