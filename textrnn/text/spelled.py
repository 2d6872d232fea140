"""Words twice over: by number, as a vocabulary knows them, and letter by letter."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Int

from textrnn.errors import UserError
from textrnn.text.tokenizer import PAD, SPECIALS, UNK, Tokens, tokens
from textrnn.text.treebank import split
from textrnn.text.words import WordTokenizer, normal_form

_DIGIT = re.compile(r"\d")


class SpelledTokenizer(WordTokenizer):
    """The words of treebanks, and the letters that they are written with.

    To the vocabulary all digits are 0, since numbers have no end; letters keep their case.
    """

    kind = "spelled"
    LETTERS = 200

    def __init__(self, words: Sequence[str], letters: Sequence[str]):
        super().__init__(words)
        self.letters = (*SPECIALS, *letters)
        self._letter_ids = {letter: i for i, letter in enumerate(letters, start=len(SPECIALS))}
        if any(len(letter) != 1 for letter in letters) or len(self._letter_ids) != len(letters):
            raise ValueError("the letters must be different single characters")

    @classmethod
    def fit(cls, texts: Iterable[str], size: int, min_count: int = 1) -> Self:
        """The `size` most frequent words (special ids included) seen `min_count` times or more."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text[start:end] for start, end in split(text))
        forms: Counter[str] = Counter()
        letters: Counter[str] = Counter()
        for word, count in counts.items():
            forms[_form(word)] += count
            for letter in word:
                letters[letter] += count
        known = [word for word, count in _ranked(forms) if count >= min_count]
        alphabet = [letter for letter, _ in _ranked(letters)]
        room = len(SPECIALS)
        return cls(known[: size - room], alphabet[: cls.LETTERS - room])

    def encode(self, text: str, at_most: int | None = None) -> Tokens:
        spans = []
        for span in split(text):
            if len(spans) == at_most:
                break
            spans.append(span)
        return tokens(self.ids(text[start:end] for start, end in spans), spans)

    def ids(self, words: Iterable[str]) -> list[int]:
        """The number of each word."""
        return [self._ids.get(word) or self._ids.get(_form(word), UNK) for word in words]

    def spell(self, words: Sequence[str], width: int) -> Int[np.ndarray, "words width"]:
        """The letters of each word; of a long one the first half of `width`, and the last."""
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
            raise UserError(f"{directory}: not a vocabulary of spelled words: {error}") from None


def _form(word: str) -> str:
    return _DIGIT.sub("0", normal_form(word))


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
