"""Text to ids and back. Every tokenizer keeps the span of text that each id stands for."""

import json
from collections.abc import Sequence
from pathlib import Path

from textrnn.errors import UserError
from textrnn.rows import Row
from textrnn.text.bytes import ByteTokenizer
from textrnn.text.caseless import CaselessTokenizer
from textrnn.text.chars import CharTokenizer
from textrnn.text.copying import CopyingTokenizer
from textrnn.text.grammar import Grammar
from textrnn.text.normalization import Normalization
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
    "Normalization", "SpelledTokenizer", "SubwordTokenizer", "Tokenizer", "TokenizerConfig",
    "Tokens", "WordTokenizer", "fitted_tokenizer", "load_tokenizer", "save_tokenizer",
]  # fmt: skip


_NORMALIZATION = "normalization.json"


def fitted_tokenizer(rows: Sequence[Row], config: TokenizerConfig) -> Tokenizer:
    """A tokenizer fitted to the normal form of training rows. Raises UserError if they are not
    suitable."""
    normal = [
        {name: _normal(value, config.normalization) for name, value in row.items()} for row in rows
    ]
    tokenizer = TOKENIZERS[config.kind].fit_rows(normal, config)
    tokenizer.normalization = config.normalization
    return tokenizer


def _normal(value: object, normalization: Normalization) -> object:
    if isinstance(value, list):
        return [_normal(item, normalization) for item in value]
    return normalization.apply(value).text if isinstance(value, str) else value


def save_tokenizer(tokenizer: Tokenizer, directory: Path) -> None:
    """Write a tokenizer to an existing, empty directory."""
    tokenizer.save(directory)
    (directory / _NORMALIZATION).write_text(tokenizer.normalization.to_json(), "utf-8")


def load_tokenizer(kind: str, directory: Path) -> Tokenizer:
    """The tokenizer saved in `directory`. Raises UserError if it cannot be read."""
    if kind not in TOKENIZERS:
        known = ", ".join(TOKENIZERS)
        raise UserError(f"{directory}: unknown tokenizer kind {kind!r}; known: {known}")
    tokenizer = TOKENIZERS[kind].load(directory)
    path = directory / _NORMALIZATION
    if path.exists():
        try:
            data = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: is not JSON: {error}") from None
        tokenizer.normalization = Normalization.parse(data, source=str(path))
    return tokenizer
