"""Text to ids and back. Every tokenizer keeps the span of text that each id stands for."""

from pathlib import Path

from textrnn.errors import UserError
from textrnn.text.bytes import ByteTokenizer
from textrnn.text.caseless import CaselessTokenizer
from textrnn.text.chars import CharTokenizer
from textrnn.text.copying import CopyingTokenizer
from textrnn.text.grammar import Grammar
from textrnn.text.spelled import SpelledTokenizer
from textrnn.text.subwords import SubwordTokenizer
from textrnn.text.tokenizer import BOS, EOS, PAD, SPECIALS, UNK, Tokenizer, TokenizerConfig, Tokens
from textrnn.text.words import WordTokenizer

TOKENIZERS: dict[str, type[Tokenizer]] = {
    tokenizer.kind: tokenizer
    for tokenizer in (
        WordTokenizer,
        SubwordTokenizer,
        CharTokenizer,
        CaselessTokenizer,
        ByteTokenizer,
        SpelledTokenizer,
        CopyingTokenizer,
    )
}
"""The registry of tokenizers by kind: recipes, training and bundles look them up here."""

__all__ = [
    "BOS", "EOS", "PAD", "SPECIALS", "TOKENIZERS", "UNK",
    "ByteTokenizer", "CaselessTokenizer", "CharTokenizer", "CopyingTokenizer", "Grammar",
    "SpelledTokenizer", "SubwordTokenizer", "Tokenizer", "TokenizerConfig", "Tokens",
    "WordTokenizer", "load_tokenizer",
]  # fmt: skip


def load_tokenizer(kind: str, directory: Path) -> Tokenizer:
    """The tokenizer saved in `directory`. Raises UserError if it cannot be read."""
    if kind not in TOKENIZERS:
        known = ", ".join(TOKENIZERS)
        raise UserError(f"{directory}: unknown tokenizer kind {kind!r}; known: {known}")
    return TOKENIZERS[kind].load(directory)
