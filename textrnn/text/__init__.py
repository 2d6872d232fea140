"""Text to ids and back. Every tokenizer keeps the span of text that each id stands for."""

from pathlib import Path

from textrnn.errors import UserError
from textrnn.text.bytes import ByteTokenizer
from textrnn.text.chars import CharTokenizer
from textrnn.text.copying import CopyingTokenizer
from textrnn.text.grammar import Grammar
from textrnn.text.spelled import SpelledTokenizer
from textrnn.text.subwords import SubwordTokenizer
from textrnn.text.tokenizer import BOS, EOS, PAD, SPECIALS, UNK, Tokenizer, Tokens
from textrnn.text.words import WordTokenizer

TOKENIZERS: dict[str, type[Tokenizer]] = {
    kind.kind: kind
    for kind in (
        WordTokenizer,
        SubwordTokenizer,
        CharTokenizer,
        ByteTokenizer,
        SpelledTokenizer,
        CopyingTokenizer,
    )
}

__all__ = [
    "BOS", "EOS", "PAD", "SPECIALS", "TOKENIZERS", "UNK",
    "ByteTokenizer", "CharTokenizer", "CopyingTokenizer", "Grammar", "SpelledTokenizer",
    "SubwordTokenizer", "Tokenizer", "Tokens", "WordTokenizer", "load_tokenizer",
]  # fmt: skip


def load_tokenizer(kind: str, directory: Path) -> Tokenizer:
    """The tokenizer that was saved in `directory`. Raises UserError where it cannot be read."""
    if kind not in TOKENIZERS:
        known = ", ".join(TOKENIZERS)
        raise UserError(f"{directory}: unknown tokenizer kind {kind!r}; known: {known}")
    return TOKENIZERS[kind].load(directory)
