"""Words: a linear-time splitter with spans, and a vocabulary of normalised words.

`split_words` is simpler than `textrnn.text.treebank.treebank_tokens`: it does not recognise
abbreviations, URLs or emoticons. Saved vocabularies were fitted with one or the other, so both
stay.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from itertools import islice
from operator import methodcaller
from pathlib import Path
from typing import Self

import numpy as np
import regex

from textrnn.errors import UserError
from textrnn.rows import Row, text_of
from textrnn.text.normalization import Normalization
from textrnn.text.tokenizer import SPECIALS, UNK, Tokenizer, TokenizerConfig, Tokens, make_tokens
from textrnn.text.treebank import CLITIC, NEGATION, Offsets
from textrnn.text.vocabulary import most_frequent

_PICTOGRAM = r"(?: [\p{Extended_Pictographic}★☆] \p{M}* \p{Emoji_Modifier}? )"
_WORD = regex.compile(
    rf"""
      \p{{N}}+ (?: [.,] \p{{N}}+ )+                # 3.5  1,000
    | [\p{{L}}\p{{M}}\p{{N}}_]+? (?= {NEGATION} )  # do|n't
    | {NEGATION}
    | ['’] {CLITIC}
    | [\p{{L}}\p{{M}}\p{{N}}_]+ (?: [\u200c\u200d] [\p{{L}}\p{{M}}\p{{N}}_]+ )*+
    | (?! [\x00-\xff] ) {_PICTOGRAM} (?: \u200d {_PICTOGRAM} )* # each by itself, as in ratings
    | \p{{Regional_Indicator}}{{2}}                              # a flag
    | ([^\s\p{{L}}\p{{M}}\p{{N}}_]) \1* \p{{M}}*   # ...  --  !!!  and any other symbol
    """,
    regex.VERBOSE | regex.IGNORECASE,
)
_RUN = regex.compile(r"(.)\1{3,}", regex.DOTALL)
_LONG = regex.compile(r"(\p{L})\1{2,}")
"""A letter that is repeated for emphasis."""
_STYLE = regex.compile(r"[\ufe0e\ufe0f\p{Emoji_Modifier}]")
_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "--", "…": "..."})
_QUOTES = {"``": '"', "''": '"'}


def split_words(text: str) -> Iterator[Offsets]:
    """Offsets of the words and symbols of `text`, in order; only white space is left out.

    >>> text = "I don't e-mail."
    >>> [text[start:end] for start, end in split_words(text)]
    ['I', 'do', "n't", 'e', '-', 'mail', '.']
    """
    return map(methodcaller("span"), _WORD.finditer(text))


def normal_form(word: str) -> str:
    r"""The key of a word in the vocabulary: lower case, plain quotes, long runs cut to three, emoji
    without their skin tone.

    >>> normal_form("SOOOOO"), normal_form("n\u2019t"), normal_form("``")
    ('sooo', "n't", '"')
    """
    if not word.isascii():
        word = unicodedata.normalize("NFC", word).translate(_PLAIN)
        word = _STYLE.sub("", word) or word
    word = _RUN.sub(r"\1\1\1", word.lower())
    return _QUOTES.get(word, word)


class WordTokenizer(Tokenizer):
    """Known words by rank, the most frequent first; all others are UNK."""

    kind = "words"
    normalization = Normalization(form="plain")  # so is the normal form of words

    def __init__(self, words: Sequence[str]):
        self._set_words([*SPECIALS, *words])

    def _set_words(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        first = len(SPECIALS)
        self._ids = {word: number for number, word in enumerate(words[first:], start=first)}
        if len(self._ids) != len(words) - first:
            raise ValueError("the vocabulary has a duplicate word")

    @classmethod
    def fit(cls, texts: Iterable[str], size: int, min_count: int = 1) -> Self:
        """The `size` most frequent words (special ids included) seen `min_count` times or more."""
        return cls(most_frequent(cls.count(texts), size - len(SPECIALS), min_count))

    @classmethod
    def count(cls, texts: Iterable[str]) -> Counter[str]:
        """How often each word of the texts occurs, by its form in the vocabulary."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(normal_form(text[start:end]) for start, end in split_words(text))
        return counts

    @classmethod
    def fit_rows(cls, rows: Sequence[Row], config: TokenizerConfig) -> Self:
        return cls.fit(map(text_of, rows), config.size, config.min_count)

    def __len__(self) -> int:
        return len(self.words)

    def extended(self, rows: Sequence[Row], size: int, min_count: int = 1) -> Self:
        counts = self.count(self.normalization.apply(text_of(row)).text for row in rows)
        for word in self.words:
            del counts[word]
        tokenizer = copy(self)
        tokenizer._set_words([*self.words, *most_frequent(counts, size, min_count)])
        return tokenizer

    def encode(self, text: str, max_tokens: int | None = None) -> Tokens:
        spans = list(islice(split_words(text), max_tokens))
        return make_tokens([self._id(text[start:end]) for start, end in spans], spans)

    def _id(self, word: str) -> int:
        # Most words are found by their lower case; only the rest need the full normal form.
        if known := self._ids.get(word.lower()):
            return known
        word = normal_form(word)
        forms = (word, _LONG.sub(r"\1\1", word), _LONG.sub(r"\1", word))  # goood, good, god
        return next((self._ids[form] for form in forms if form in self._ids), UNK)

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
            raise UserError(f"{path}: is not a vocabulary of words: {error}") from None
