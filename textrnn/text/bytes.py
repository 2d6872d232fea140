"""Bytes of UTF-8: 256 ids for any text of any language. Nothing is unknown."""

from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from textrnn.errors import UserError
from textrnn.text.grammar import Grammar
from textrnn.text.tokenizer import EOS, SPECIALS, Tokenizer, Tokens

_FIRST = len(SPECIALS)
_IDS = _FIRST + 256


class ByteTokenizer(Tokenizer):
    """Byte b has the id b + 4. Of the bytes of a character the last one stands for it, and the
    others for the nothing before it."""

    kind = "bytes"

    def __len__(self) -> int:
        return _IDS

    def encode(self, text: str, at_most: int | None = None) -> Tokens:
        text = text[:at_most]  # a character has a byte at least
        raw = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        begins = (raw & 0xC0) != 0x80
        starts = np.cumsum(begins) - 1
        ends = starts + np.append(begins[1:], True)
        spans = np.stack([starts, ends[: len(raw)]], axis=1).astype(np.int32)
        return Tokens(raw[:at_most].astype(np.int32) + _FIRST, spans[:at_most])

    def decode(self, ids: np.ndarray) -> str:
        kept = np.asarray([i - _FIRST for i in ids if i >= _FIRST], np.uint8)
        return kept.tobytes().decode("utf-8", "replace")

    @cached_property
    def grammar(self) -> Grammar:
        """Well-formed UTF-8 (Unicode 16, table 3-7). State 0 lies between characters; 1, 2 and 3
        wait for as many continuation bytes, the others for one of a narrower range first."""
        continuation = (0x80, 0xBF)
        ways = {
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
        allowed = np.zeros((len(ways), _IDS), bool)
        after = np.zeros((len(ways), _IDS), np.int32)
        for state, ranges in ways.items():
            for first, last, following in ranges:
                allowed[state, _FIRST + first : _FIRST + last + 1] = True
                after[state, _FIRST + first : _FIRST + last + 1] = following
        allowed[0, EOS] = True
        return Grammar(allowed, after)

    def save(self, directory: Path) -> None:
        (directory / "bytes").touch()

    @classmethod
    def load(cls, directory: Path) -> Self:
        if not (directory / "bytes").exists():
            raise UserError(f"{directory}: not a tokenizer of bytes")
        return cls()
