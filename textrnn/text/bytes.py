"""UTF-8 bytes: 256 ids for any text in any language, without unknown tokens."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from textrnn.errors import UserError
from textrnn.rows import Row
from textrnn.text.grammar import Grammar
from textrnn.text.tokenizer import EOS, SPECIALS, Tokenizer, TokenizerConfig, Tokens

_FIRST = len(SPECIALS)
_IDS = _FIRST + 256


class ByteTokenizer(Tokenizer):
    """Byte b has the id b + 4. The last byte of a character has the character's span; the bytes
    before it have empty spans."""

    kind = "bytes"

    @classmethod
    def fit_rows(cls, rows: Sequence[Row], config: TokenizerConfig) -> Self:
        return cls()

    def __len__(self) -> int:
        return _IDS

    def encode(self, text: str, max_tokens: int | None = None) -> Tokens:
        text = text[:max_tokens]  # a character has at least one byte
        raw = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        begins = (raw & 0xC0) != 0x80
        starts = np.cumsum(begins) - 1
        ends = starts + np.append(begins[1:], True)
        spans = np.stack([starts, ends[: len(raw)]], axis=1).astype(np.int32)
        return Tokens(raw[:max_tokens].astype(np.int32) + _FIRST, spans[:max_tokens])

    def decode(self, ids: np.ndarray) -> str:
        kept = np.asarray([i - _FIRST for i in ids if i >= _FIRST], np.uint8)
        return kept.tobytes().decode("utf-8", "replace")

    @cached_property
    def grammar(self) -> Grammar:
        """Well-formed UTF-8 (Unicode 16, table 3-7). State 0 is between characters; states 1, 2
        and 3 expect that many continuation bytes, the others first one of a narrower range."""
        continuation = (0x80, 0xBF)
        transitions = {
            0: [
                (0x00, 0x7F, 0), (0xC2, 0xDF, 1), (0xE0, 0xE0, 4), (0xE1, 0xEC, 2),
                (0xED, 0xED, 5), (0xEE, 0xEF, 2), (0xF0, 0xF0, 6), (0xF1, 0xF3, 3),
                (0xF4, 0xF4, 7),
            ],
            1: [(*continuation, 0)],
            2: [(*continuation, 1)],
            3: [(*continuation, 2)],
            4: [(0xA0, 0xBF, 1)],
            5: [(0x80, 0x9F, 1)],
            6: [(0x90, 0xBF, 2)],
            7: [(0x80, 0x8F, 2)],
        }  # fmt: skip
        allowed = np.zeros((len(transitions), _IDS), bool)
        next_state = np.zeros((len(transitions), _IDS), np.int32)
        for state, ranges in transitions.items():
            for first, last, target in ranges:
                allowed[state, _FIRST + first : _FIRST + last + 1] = True
                next_state[state, _FIRST + first : _FIRST + last + 1] = target
        allowed[0, EOS] = True
        return Grammar(allowed, next_state)

    def save(self, directory: Path) -> None:
        (directory / "bytes").touch()

    @classmethod
    def load(cls, directory: Path) -> Self:
        if not (directory / "bytes").exists():
            raise UserError(f"{directory}: is not a byte tokenizer")
        return cls()
