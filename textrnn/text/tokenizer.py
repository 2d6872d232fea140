"""What every tokenizer does: text to ids, each with the span of text that it stands for."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np
from jaxtyping import Int

PAD, UNK, BOS, EOS = range(4)
SPECIALS = ("<pad>", "<unk>", "<s>", "</s>")
"""What the ids 0 to 3 mean in every tokenizer."""


class Tokens(NamedTuple):
    """`text[spans[i, 0]:spans[i, 1]]` is what `ids[i]` stands for, in Unicode code points."""

    ids: Int[np.ndarray, " tokens"]
    spans: Int[np.ndarray, "tokens 2"]


class Tokenizer(ABC):
    """A fixed vocabulary. It never grows, whatever text it is shown."""

    kind: ClassVar[str]

    @abstractmethod
    def __len__(self) -> int:
        """The number of ids, the four special ones included."""

    @abstractmethod
    def encode(self, text: str, at_most: int | None = None) -> Tokens:
        """Tokens in the order of the text; only the first `at_most`, if given."""

    @abstractmethod
    def decode(self, ids: Int[np.ndarray, " tokens"]) -> str:
        """Readable text; exact where the tokenizer loses nothing."""

    @abstractmethod
    def save(self, directory: Path) -> None:
        """Write the vocabulary into an existing, empty directory."""

    @classmethod
    @abstractmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote. Raises UserError where it is damaged."""


def tokens(ids: list[int], spans: list[tuple[int, int]]) -> Tokens:
    return Tokens(np.array(ids, np.int32), np.array(spans, np.int32).reshape(-1, 2))
