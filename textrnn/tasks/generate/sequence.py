"""A text on its way through a model: what has been read of it and written, and what comes next.

prompt of 70 tokens, windows of 32     reads 32 | reads 32 | reads 6, writes 32 | writes 32 ...
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np

from textrnn.tasks.generate.capture import Captured, by_character, empty_capture, join
from textrnn.tasks.generate.options import GenerateOptions
from textrnn.tasks.generate.output import GeneratedText
from textrnn.tasks.generate.state import GenerationState
from textrnn.tasks.generate.steps import DecodedTokens
from textrnn.text import ByteTokenizer, CharTokenizer


class WindowOutput(NamedTuple):
    """What a window comes to: the arrays of a batch, or of one of its rows."""

    state: GenerationState
    read: Captured
    """[rows, time, ...]: of what was read."""
    written: DecodedTokens


class WindowLimits(NamedTuple):
    """Tokens that a window reads and writes at most."""

    reads: int
    writes: int


class RewindPoint(NamedTuple):
    """A window before which the draft had so many characters."""

    length: int
    state: GenerationState
    ids: np.ndarray
    """What it read."""


@dataclass(frozen=True)
class GenerationSequence:
    """In its next window `ids` are read, and then `draw` tokens are written; it is over when there
    is nothing to do."""

    state: GenerationState
    later: np.ndarray
    """Tokens to be read in the windows after the next one."""
    pace: WindowLimits
    options: Any
    """What the caller asked for, as the batch needs it."""
    draft: GeneratedText | None = None
    """What it writes; None where it only reads."""
    keeps: bool = False
    """Whether its memory is wanted in the end."""
    echoes: bool = True
    """Whether it is wanted what is seen of the text that is given."""
    ids: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    draw: int = 0
    seen: tuple[Captured, ...] = ()
    """Of the tokens that were given, if it echoes."""
    marks: tuple[RewindPoint, ...] = ()
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
                here = RewindPoint(len(draft.text), self.state, ids)
                marks = (*old[-1:], *marks[len(old) :], here)
        return replace(self, ids=ids, later=later, draw=draw, marks=marks)

    def after(self, output: WindowOutput, tokenizer: CharTokenizer | ByteTokenizer) -> Self:
        """The stream behind its window."""
        draft, stream = self.draft, replace(self, state=output.state)
        top, cells = self.options.top_log_probabilities, len(self.options.cells)
        given = draft is None or not (draft.text or draft.finish_reason)
        if self.echoes and given and self.ids.size:
            seen = output.read.part(0, len(self.ids)).columns(top, cells)
            stream = replace(stream, seen=(*self.seen, seen))
        if draft is not None and self.draw:
            tokens, seen, ended = output.written
            draft = draft.longer(
                np.asarray(tokens), seen.columns(top, cells), bool(ended), tokenizer
            )
            stream = replace(stream, draft=draft)
            if draft.stopped and self.marks:
                stream = stream._back(draft, tokenizer)
        return stream.laid_out()

    def _back(self, draft: GeneratedText, tokenizer: CharTokenizer | ByteTokenizer) -> Self:
        """A stop string took text away: what is left is read again, from the last mark before."""
        mark = [mark for mark in self.marks if mark.length <= len(draft.text)][-1]
        kept = tokenizer.encode(draft.text[mark.length :]).ids
        state = mark.state._replace(drawn=mark.state.drawn + np.int32(len(kept)))
        return replace(self, state=state, later=np.concatenate([mark.ids, kept]))


def given_to(streams: Sequence[GenerationSequence], whole: np.ndarray) -> Captured:
    """What was seen of all characters that were given to streams, one after the other; `whole` says
    which tokens complete one."""
    parts = [part for stream in streams for part in stream.seen]
    return by_character(join([nothing_of(streams[0].options), *parts]), whole)


def nothing_of(options: GenerateOptions) -> Captured:
    """What is seen of no characters at all."""
    return empty_capture(options.top_log_probabilities, len(options.cells))
