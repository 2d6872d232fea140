"""Characters: one id for each code point of a fixed alphabet."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from textrnn.errors import UserError
from textrnn.rows import Row, text_of
from textrnn.text.grammar import Grammar, unconstrained
from textrnn.text.tokenizer import SPECIALS, UNK, Tokenizer, TokenizerConfig, Tokens
from textrnn.text.vocabulary import most_frequent


class CharTokenizer(Tokenizer):
    """Known characters by rank, the most frequent first; all others are UNK."""

    kind = "chars"

    def __init__(self, alphabet: Sequence[str]):
        if any(len(char) != 1 for char in alphabet):
            raise ValueError("an alphabet must consist of single characters")
        self.symbols = (*SPECIALS, *alphabet)
        self._ids = {char: number for number, char in enumerate(alphabet, start=len(SPECIALS))}
        if len(self._ids) != len(alphabet):
            raise ValueError("the alphabet has a duplicate character")

    @classmethod
    def fit(cls, texts: Iterable[str], size: int, min_count: int = 1) -> Self:
        """The `size` most frequent characters (special ids included) seen `min_count` times or
        more."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        return cls(most_frequent(counts, size - len(SPECIALS), min_count))

    @classmethod
    def fit_rows(cls, rows: Sequence[Row], config: TokenizerConfig) -> Self:
        return cls.fit(map(text_of, rows), config.size, config.min_count)

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str, max_tokens: int | None = None) -> Tokens:
        text = text[:max_tokens]
        ids = np.fromiter((self._ids.get(char, UNK) for char in text), np.int32, len(text))
        starts = np.arange(len(text), dtype=np.int32)
        return Tokens(ids, np.stack([starts, starts + 1], axis=1))

    def decode(self, ids: np.ndarray) -> str:
        return "".join(self.symbols[i] if i >= len(SPECIALS) else "\ufffd" for i in ids)

    @cached_property
    def grammar(self) -> Grammar:
        return unconstrained(len(self))

    def save(self, directory: Path) -> None:
        alphabet = json.dumps(self.symbols[len(SPECIALS) :])
        (directory / "alphabet.json").write_text(alphabet, encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self:
        path = directory / "alphabet.json"
        try:
            return cls(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{path}: is not an alphabet: {error}") from None
