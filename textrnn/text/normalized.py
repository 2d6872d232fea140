"""A text in another form, with offsets into the text as it was sent."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from textrnn.text.segments import Offsets


class Normalized(NamedTuple):
    """A text in its normal form, and where its characters are in the text as sent."""

    text: str
    starts: Int[np.ndarray, " characters+1"] | None = None
    """`starts[i]` is where character i starts. None if the text is unchanged."""
    ends: Int[np.ndarray, " characters+1"] | None = None
    """`ends[i]` is where the character before i ends: less than `starts[i]` if something was
    removed between the two."""

    def original(self, spans: Sequence[Offsets] | Int[np.ndarray, "n 2"]) -> Int[np.ndarray, "n 2"]:
        """Spans of `text` as spans of the text as sent. They are in the same order, and do not
        overlap if the given ones do not. Without its last character, a grapheme cluster is
        empty."""
        table = np.asarray(spans, np.int32).reshape(-1, 2)
        if self.starts is None or self.ends is None:
            return table
        starts = self.starts[table[:, 0]]
        return np.stack([starts, np.maximum(starts, self.ends[table[:, 1]])], axis=1)

    def part(self, start: int, end: int) -> "Normalized":
        """The characters from `start` to `end`, with offsets into the whole text as sent."""
        if self.starts is None or self.ends is None:
            places = np.arange(start, end + 1, dtype=np.int32)
            return Normalized(self.text[start:end], places, places)
        places = slice(start, end + 1)
        return Normalized(self.text[start:end], self.starts[places], self.ends[places])

    def whole(self, words: Iterable[Offsets]) -> list[Offsets]:
        """Words of `text`, joined where they are parts of one grapheme cluster, such as the two
        letters of a flag."""
        words = list(words)
        if self.starts is None:
            return words
        joined: list[Offsets] = []
        first: int | None = None
        for (start, end), (sent, until) in zip(words, self.original(words).tolist(), strict=True):
            first = start if first is None else first
            if sent < until:
                joined.append((first, end))
                first = None
        return joined

    def then(self, other: "Normalized") -> "Normalized":
        """`other`, which is a normal form of this text, with offsets into the text as sent."""
        if self.starts is None or self.ends is None:
            return other
        if other.starts is None or other.ends is None:
            return self
        return Normalized(other.text, self.starts[other.starts], self.ends[other.ends])


class Changes:
    """Changes of a text, from its start to its end.

    >>> changes = Changes("wait\u2026")
    >>> changes.replace(4, 5, "...")
    >>> normalized = changes.normalized()
    >>> normalized.text, normalized.original([(0, 4), (4, 7)]).tolist()
    ('wait...', [[0, 4], [4, 5]])
    """

    def __init__(self, text: str):
        self._text = text
        self._done = 0
        self._parts: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = [0]

    def replace(self, start: int, end: int, form: str) -> None:
        """Put `form`, which may be empty, in place of what is between two offsets."""
        self._keep(start)
        if form:
            before = self._ends[-1]
            self._starts += [start] * len(form)
            self._ends += [before] * (len(form) - 1) + [end]
            self._parts.append(form)
        self._done = end

    def _keep(self, until: int) -> None:
        self._parts.append(self._text[self._done : until])
        self._starts += range(self._done, until)
        self._ends += range(self._done + 1, until + 1)

    def normalized(self) -> Normalized:
        if not self._done:
            return Normalized(self._text)
        self._keep(len(self._text))
        starts = np.array([*self._starts, len(self._text)], np.int32)
        return Normalized("".join(self._parts), starts, np.array(self._ends, np.int32))
