"""The interface of a tokenizer: text to ids, each with the span of text that it stands for."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np
from jaxtyping import Int
from pydantic import PositiveInt

from textrnn.config import Config
from textrnn.errors import UserError
from textrnn.rows import Row
from textrnn.text.normalization import Normalization

PAD, UNK, BOS, EOS = range(4)
SPECIALS = ("<pad>", "<unk>", "<s>", "</s>")
"""The special tokens, which have the ids 0 to 3 in every tokenizer."""


class Tokens(NamedTuple):
    """`text[spans[i, 0]:spans[i, 1]]` is what `ids[i]` stands for, in Unicode code points."""

    ids: Int[np.ndarray, " tokens"]
    spans: Int[np.ndarray, "tokens 2"]


class TokenizerConfig(Config):
    """The tokenizer, which is fitted to the training rows."""

    kind: str = "words"
    """Kind of tokenizer: words, subwords, chars, caseless, bytes, spelled or copying. See the
    training guide."""
    size: PositiveInt = 20_000
    """Size of the vocabulary, the four special ids included."""
    min_count: PositiveInt = 1
    """For words and characters: minimum frequency in the training rows."""
    lowercase: bool = True
    """For subwords: whether to lowercase. Words are always lowercased, characters never."""
    normalization: Normalization = Normalization()
    """The normal form of texts that the tokenizer is fitted to and encodes."""


class Tokenizer(ABC):
    """A fixed vocabulary, which encoding never extends."""

    kind: ClassVar[str]
    """The name in recipes and bundles."""
    normalization: Normalization = Normalization(form="composed")
    """The normal form of texts that the vocabulary is for. It is stored with the vocabulary. The
    value here is that of earlier bundles, which were trained without: it changes no dash or quote
    that their vocabulary has."""

    @classmethod
    @abstractmethod
    def fit_rows(cls, rows: Sequence[Row], config: TokenizerConfig) -> Self:
        """A tokenizer fitted to training rows. Raises UserError if they are not suitable."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of ids, the four special ones included."""

    def extended(self, rows: Sequence[Row], size: int, min_count: int = 1) -> Self:
        """A tokenizer that knows up to `size` more words of the rows, under new ids behind those
        of this one: the most frequent ones, seen `min_count` times or more. Raises UserError if
        tokens of this kind are not words."""
        raise UserError(f"start.words: a tokenizer of {self.kind} has no words to add; remove it")

    @abstractmethod
    def encode(self, text: str, max_tokens: int | None = None) -> Tokens:
        """Tokens of a text in its normal form, in text order; only the first `max_tokens`, if
        given."""

    def read(self, text: str, max_tokens: int | None = None, html: bool = False) -> Tokens:
        """Tokens of a text as people write it, or of HTML, with spans in what is given. A token has
        an empty span if it is a part of a grapheme cluster, and not the last."""
        normalized = self.normalization.apply(text, html)
        ids, spans = self.encode(normalized.text, max_tokens)
        return Tokens(ids, normalized.original(spans))

    @abstractmethod
    def decode(self, ids: Int[np.ndarray, " tokens"]) -> str:
        """Readable text; exact if the tokenizer is lossless."""

    @abstractmethod
    def save(self, directory: Path) -> None:
        """Write the vocabulary to an existing, empty directory."""

    @classmethod
    @abstractmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote. Raises UserError if it is damaged."""


def make_tokens(ids: list[int], spans: list[tuple[int, int]]) -> Tokens:
    return Tokens(np.array(ids, np.int32), np.array(spans, np.int32).reshape(-1, 2))
