"""A text on its way through a model: what has been read of it and written, and what comes next.

prompt of 70 tokens, windows of 32     reads 32 | reads 32 | reads 6, writes 32 | writes 32 ...
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np
from jaxtyping import Array, Float

from textrnn.drafts import Draft
from textrnn.memory import Memory
from textrnn.text import ByteTokenizer, CharTokenizer
from textrnn.writer import Written


class Output(NamedTuple):
    """What a window comes to: the arrays of a batch, or of one of its rows."""

    memory: Memory
    likelihoods: Float[Array, "rows time"]
    """Of what was read."""
    written: Written


class Pace(NamedTuple):
    """Tokens that a window reads and writes at most."""

    reads: int
    writes: int


class Mark(NamedTuple):
    """A window before which the draft had so many characters."""

    length: int
    memory: Memory
    ids: np.ndarray
    """What it read."""


@dataclass(frozen=True)
class Stream:
    """In its next window `ids` are read, and then `draw` tokens are written; it is over when there
    is nothing to do."""

    memory: Memory
    later: np.ndarray
    """Tokens to be read in the windows after the next one."""
    pace: Pace
    options: Any
    """What the caller asked for, as the batch needs it."""
    draft: Draft | None = None
    """What it writes; None where it only reads."""
    keeps: bool = False
    """Whether its memory is wanted in the end."""
    ids: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    draw: int = 0
    likelihoods: tuple[np.ndarray, ...] = ()
    """Of the tokens that it has read, where it only reads."""
    marks: tuple[Mark, ...] = ()
    """Where to go back to when a stop string takes text away, the oldest first."""

    width = 1

    def __len__(self) -> int:
        return max(len(self.ids), self.draw)

    def laid_out(self) -> Self:
        """With its next window."""
        draft, marks, draw = self.draft, self.marks, 0
        ids, later = self.later[: self.pace.reads], self.later[self.pace.reads :]
        if draft is not None and not later.size and not draft.finish_reason:
            draw = min(self.pace.writes, draft.most - len(draft.text))
            if self.keeps and draft.stops and not draft.pending:
                old = [mark for mark in marks if mark.length <= draft.settled]
                here = Mark(len(draft.text), self.memory, ids)
                marks = (*old[-1:], *marks[len(old) :], here)
        return replace(self, ids=ids, later=later, draw=draw, marks=marks)

    def after(self, output: Output, tokenizer: CharTokenizer | ByteTokenizer) -> Self:
        """The stream behind its window."""
        # A copy: a view of a row would keep its whole batch.
        draft, read = self.draft, np.array(output.likelihoods[: len(self.ids)])
        stream = replace(self, memory=output.memory)
        if draft is None:
            stream = replace(stream, likelihoods=(*self.likelihoods, read))
        elif self.draw:
            tokens, likelihoods, ended = map(np.asarray, output.written)
            draft = draft.longer(tokens, likelihoods, bool(ended), tokenizer)
            stream = replace(stream, draft=draft)
            if draft.stopped and self.marks:
                stream = stream._back(draft, tokenizer)
        return stream.laid_out()

    def _back(self, draft: Draft, tokenizer: CharTokenizer | ByteTokenizer) -> Self:
        """A stop string took text away: what is left is read again, from the last mark before."""
        mark = [mark for mark in self.marks if mark.length <= len(draft.text)][-1]
        kept = tokenizer.encode(draft.text[mark.length :]).ids
        memory = mark.memory._replace(drawn=mark.memory.drawn + np.int32(len(kept)))
        return replace(self, memory=memory, later=np.concatenate([mark.ids, kept]))


def read_by(streams: Sequence[Stream]) -> np.ndarray:
    """The log-probabilities of all tokens that streams have read, one after the other."""
    pieces = [piece for stream in streams for piece in stream.likelihoods]
    return np.concatenate([np.empty(0, np.float32), *pieces])
