"""Words: a linear-time splitter that keeps spans, and a vocabulary of the words' normal forms."""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import regex

from textrnn.errors import UserError
from textrnn.text.tokenizer import SPECIALS, UNK, Tokenizer, Tokens, tokens

# The clitics of the Penn Treebank are words of their own, so that "don't" as people write it and
# "do n't" as treebanks write it are the same two words.
_WORD = regex.compile(
    r"""
      \p{N}+ (?: [.,] \p{N}+ )+                          # 3.5  1,000
    | [\p{L}\p{M}\p{N}_]+? (?= n['’]t (?![\p{L}\p{N}]) ) # do|n't
    | n['’]t (?![\p{L}\p{N}])
    | ['’] (?: s | m | d | re | ve | ll ) (?![\p{L}\p{N}])
    | [\p{L}\p{M}\p{N}_]+
    | ([^\s\p{L}\p{M}\p{N}_]) \1* \p{M}*                 # ...  --  !!!  and any other symbol
    """,
    regex.VERBOSE | regex.IGNORECASE,
)
_RUN = regex.compile(r"(.)\1{3,}", regex.DOTALL)
_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "--", "…": "..."})
_QUOTES = {"``": '"', "''": '"'}


def split(text: str) -> Iterator[tuple[int, int]]:
    """Spans of the words and symbols of `text`, in order; all that is left out is white space."""
    for match in _WORD.finditer(text):
        yield match.span()


def normal_form(word: str) -> str:
    r"""What the vocabulary knows a word by: lower case, plain quotes, long runs cut to three.

    >>> normal_form("SOOOOO"), normal_form("n\u2019t"), normal_form("``")
    ('sooo', "n't", '"')
    """
    if not word.isascii():
        word = unicodedata.normalize("NFC", word).translate(_PLAIN)
    word = _RUN.sub(r"\1\1\1", word.lower())
    return _QUOTES.get(word, word)


class WordTokenizer(Tokenizer):
    """Known words by number, the most frequent first; all others are UNK."""

    kind = "words"

    def __init__(self, words: Sequence[str]):
        self.words = (*SPECIALS, *words)
        self._ids = {word: number for number, word in enumerate(words, start=len(SPECIALS))}
        if len(self._ids) != len(words):
            raise ValueError("a word stands twice in the vocabulary")

    @classmethod
    def fit(cls, texts: Iterable[str], size: int, min_count: int = 1) -> Self:
        """The `size` most frequent words (special ids included) seen `min_count` times or more."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(normal_form(text[start:end]) for start, end in split(text))
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return cls([w for w, n in ranked[: size - len(SPECIALS)] if n >= min_count])

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, text: str, at_most: int | None = None) -> Tokens:
        ids, spans = [], []
        for start, end in split(text):
            if len(ids) == at_most:
                break
            ids.append(self._id(text[start:end]))
            spans.append((start, end))
        return tokens(ids, spans)

    def _id(self, word: str) -> int:
        # Most words are known by their lower case; the full normal form is only for the rest.
        known = self._ids.get(word.lower())
        return self._ids.get(normal_form(word), UNK) if known is None else known

    def decode(self, ids: np.ndarray) -> str:
        return " ".join(self.words[i] for i in ids)

    def save(self, directory: Path) -> None:
        words = json.dumps(self.words[len(SPECIALS) :], ensure_ascii=False, indent=0)
        (directory / "words.json").write_text(words, encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self:
        path = directory / "words.json"
        try:
            return cls(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{path}: not a vocabulary of words: {error}") from None
