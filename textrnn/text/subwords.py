"""Subwords: a SentencePiece unigram model, with the span of each subword in the text."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import sentencepiece

from textrnn.errors import UserError
from textrnn.rows import Row, text_of
from textrnn.text.tokenizer import (
    BOS,
    EOS,
    PAD,
    UNK,
    Tokenizer,
    TokenizerConfig,
    Tokens,
    make_tokens,
)


class SubwordTokenizer(Tokenizer):
    """Subwords of a unigram language model (Kudo 2018), with or without case folding."""

    kind = "subwords"

    def __init__(self, model: bytes):
        self._model = model
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        size: int,
        lowercase: bool = False,
        coverage: float = 0.9995,
        symbols: Sequence[str] = (),
    ) -> Self:
        """At most `size` subwords; fewer if the text does not support as many. `coverage` is the
        fraction of the text's characters that are in the vocabulary, the most frequent first.
        `symbols` are in the vocabulary, too.

        Raises UserError if the text is empty or SentencePiece cannot be trained on it.
        """
        out = io.BytesIO()
        lines = (line for text in texts for line in text.splitlines() if line.strip())
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=lines,
                model_writer=out,
                vocab_size=size,
                hard_vocab_limit=False,
                character_coverage=coverage,
                normalization_rule_name="nmt_nfkc_cf" if lowercase else "nmt_nfkc",
                pad_id=PAD,
                unk_id=UNK,
                bos_id=BOS,
                eos_id=EOS,
                user_defined_symbols=list(symbols),
                num_threads=1,  # so that equal text gives equal subwords
                minloglevel=2,
            )
        except RuntimeError as error:
            raise UserError(f"no subwords can be learnt from this text: {error}") from None
        return cls(out.getvalue())

    @classmethod
    def fit_rows(cls, rows: Sequence[Row], config: TokenizerConfig) -> Self:
        return cls.fit(map(text_of, rows), config.size, config.lowercase)

    def __len__(self) -> int:
        return self._processor.vocab_size()

    def encode(self, text: str, max_tokens: int | None = None) -> Tokens:
        """The span of a word-initial subword excludes the white space before the word."""
        encoded = self._processor.encode(text, return_type="offset_mapping")
        spans = []
        for start, end in encoded["offsets"][:max_tokens]:
            while start < end and text[start].isspace():
                start += 1
            spans.append((start, end))
        return make_tokens(encoded["ids"][:max_tokens], spans)

    def piece(self, id: int) -> str:
        """The subword itself, with ▁ for the space before it."""
        return self._processor.id_to_piece(id)

    def id(self, piece: str) -> int:
        """The id of a subword; UNK if it is not in the vocabulary."""
        return self._processor.piece_to_id(piece)

    def decode(self, ids: np.ndarray) -> str:
        return self._processor.decode(np.asarray(ids).tolist())

    def save(self, directory: Path) -> None:
        (directory / "sentencepiece.model").write_bytes(self._model)

    @classmethod
    def load(cls, directory: Path) -> Self:
        path = directory / "sentencepiece.model"
        try:
            return cls(path.read_bytes())
        except (OSError, RuntimeError) as error:
            raise UserError(f"{path}: is not a SentencePiece model: {error}") from None
