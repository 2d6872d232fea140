"""Words as two inputs: their id in the vocabulary, and their letters."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Int

from textrnn.errors import UserError
from textrnn.text.tokenizer import PAD, SPECIALS, UNK, Tokens, make_tokens
from textrnn.text.treebank import treebank_tokens
from textrnn.text.vocabulary import most_frequent
from textrnn.text.words import WordTokenizer, normal_form

_DIGIT = re.compile(r"\d")


class SpelledTokenizer(WordTokenizer):
    """Treebank tokens, and the letters of each.

    The vocabulary maps all digits to 0, since numbers are unlimited; letters keep their case.
    """

    kind = "spelled"
    LETTERS = 200
    """The largest number of letter ids, the special ones included."""

    def __init__(self, words: Sequence[str], letters: Sequence[str]):
        super().__init__(words)
        self.letters = (*SPECIALS, *letters)
        self._letter_ids = {letter: i for i, letter in enumerate(letters, start=len(SPECIALS))}
        if any(len(letter) != 1 for letter in letters) or len(self._letter_ids) != len(letters):
            raise ValueError("the letters must be different single characters")

    @classmethod
    def fit(cls, texts: Iterable[str], size: int, min_count: int = 1) -> Self:
        """The `size` most frequent words (special ids included) seen `min_count` times or more."""
        texts = list(texts)
        letters = Counter(chain.from_iterable(texts))
        for blank in filter(str.isspace, list(letters)):
            del letters[blank]
        specials = len(SPECIALS)
        return cls(
            most_frequent(cls.count(texts), size - specials, min_count),
            most_frequent(letters, cls.LETTERS - specials),
        )

    @classmethod
    def count(cls, texts: Iterable[str]) -> Counter[str]:
        words: Counter[str] = Counter()
        for text in texts:
            words.update(text[start:end] for start, end in treebank_tokens(text))
        forms: Counter[str] = Counter()
        for word, count in words.items():
            forms[_digits_folded(word)] += count
        return forms

    def encode(self, text: str, max_tokens: int | None = None) -> Tokens:
        spans = list(islice(treebank_tokens(text), max_tokens))
        return make_tokens(self.ids(text[start:end] for start, end in spans), spans)

    def ids(self, words: Iterable[str]) -> list[int]:
        """The id of each word."""
        return [self._ids.get(word) or self._ids.get(_digits_folded(word), UNK) for word in words]

    def spell(self, words: Sequence[str], width: int) -> Int[np.ndarray, "words width"]:
        """The letter ids of each word, padded; of a long word the first and last `width` / 2."""
        spelled = np.full((len(words), width), PAD, np.int32)
        half = width // 2
        for row, word in zip(spelled, words, strict=True):
            shown = word if len(word) <= width else word[: width - half] + word[-half:]
            row[: len(shown)] = [self._letter_ids.get(letter, UNK) for letter in shown]
        return spelled

    def save(self, directory: Path) -> None:
        super().save(directory)
        letters = json.dumps(self.letters[len(SPECIALS) :])
        (directory / "letters.json").write_text(letters, encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self:
        try:
            words = json.loads((directory / "words.json").read_text(encoding="utf-8"))
            letters = json.loads((directory / "letters.json").read_text(encoding="utf-8"))
            return cls(words, letters)
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{directory}: is not a vocabulary of spelled words: {error}") from None


def _digits_folded(word: str) -> str:
    return _DIGIT.sub("0", normal_form(word))
