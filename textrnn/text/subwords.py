"""Subwords: a sentencepiece unigram model, with the span of each piece in the text."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np
import sentencepiece

from textrnn.errors import UserError
from textrnn.text.tokenizer import BOS, EOS, PAD, UNK, Tokenizer, Tokens, tokens


class SubwordTokenizer(Tokenizer):
    """Pieces of words (Kudo 2018). With lower case folded in, case does not matter."""

    kind = "subwords"

    def __init__(self, model: bytes):
        self._model = model
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)

    @classmethod
    def fit(
        cls, texts: Iterable[str], size: int, lowercase: bool = False, coverage: float = 0.9995
    ) -> Self:
        """At most `size` pieces; fewer where the text has no more to give. `coverage` is the share
        of the text's characters that are known by themselves, the most frequent first."""
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
                num_threads=1,  # so that equal text gives equal pieces
                minloglevel=2,
            )
        except RuntimeError as error:
            raise UserError(f"no subwords can be made of this text: {error}") from None
        return cls(out.getvalue())

    def __len__(self) -> int:
        return self._processor.vocab_size()

    def encode(self, text: str, at_most: int | None = None) -> Tokens:
        """A piece's span leaves out the white space before the word that it begins."""
        found = self._processor.encode(text, return_type="offset_mapping")
        spans = []
        for start, end in found["offsets"][:at_most]:
            while start < end and text[start].isspace():
                start += 1
            spans.append((start, end))
        return tokens(found["ids"][:at_most], spans)

    def piece(self, id: int) -> str:
        """The piece itself, with ▁ for the space before it."""
        return self._processor.id_to_piece(id)

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
            raise UserError(f"{path}: not a sentencepiece model: {error}") from None
