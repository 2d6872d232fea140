"""One sequence in a generator: the tokens read and written so far, and its next window.

prompt of 70 tokens, windows of 32     prefill 32 | prefill 32 | prefill 6, decode 32 | decode 32
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Bool

from textrnn.tasks.generate.capture import Captured, by_character, empty_capture, join
from textrnn.tasks.generate.options import GenerateOptions
from textrnn.tasks.generate.output import GeneratedText
from textrnn.tasks.generate.state import GenerationState
from textrnn.tasks.generate.steps import DecodedTokens
from textrnn.tasks.task import Outputs
from textrnn.text import ByteTokenizer, CharTokenizer


class GeneratedRows(NamedTuple):
    """The outputs for the rows of a batch, or for one window. Those for tokens are the values
    captured from the tokens of the prefill."""

    state: GenerationState
    written: DecodedTokens


class RewindPoint(NamedTuple):
    """The start of a window, to continue from when a stop string removes text written since."""

    length: int
    """Characters generated before the window."""
    state: GenerationState
    ids: np.ndarray
    """The tokens that the window reads."""


@dataclass(frozen=True)
class GenerationSequence:
    """A sequence with its next window, which reads `ids` and then writes `count` tokens. The
    sequence is finished when both are empty."""

    state: GenerationState
    remaining: np.ndarray
    """Tokens to read in later windows."""
    window: int
    """The most tokens that one window reads, and that it writes."""
    options: GenerateOptions
    generated: GeneratedText | None = None
    """The text that it writes; None if it is only scored."""
    keeps_state: bool = False
    """Whether the final state must be that of the text up to its stop string."""
    captures_input: bool = True
    """Whether the captured values of the tokens that are read are kept."""
    ids: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    count: int = 0
    captured: tuple[Captured, ...] = ()
    """The captured values of the tokens that were read, by window."""
    rewind_points: tuple[RewindPoint, ...] = ()
    """The oldest first."""

    width = 1

    def __len__(self) -> int:
        return max(len(self.ids), self.count)

    @property
    def later_tokens(self) -> int:
        """At most how many tokens the windows after the next one read and write."""
        generated, left = self.generated, 0
        if generated is not None and not generated.finish_reason:
            left = generated.max_characters - len(generated.text) - self.count
        return len(self.remaining) + left

    def scheduled(self) -> Self:
        """The sequence with its next window."""
        generated, rewind_points, count = self.generated, self.rewind_points, 0
        ids, remaining = np.split(self.remaining, [self.window])
        if generated is not None and not remaining.size and not generated.finish_reason:
            count = min(self.window, generated.max_characters - len(generated.text))
            if self.keeps_state and generated.stop and not generated.incomplete:
                stable = generated.stable_length
                old = [point for point in rewind_points if point.length <= stable]
                start = RewindPoint(len(generated.text), self.state, ids)
                rewind_points = (*old[-1:], *rewind_points[len(old) :], start)
        return replace(self, ids=ids, remaining=remaining, count=count, rewind_points=rewind_points)

    def advance(self, output: Outputs, tokenizer: CharTokenizer | ByteTokenizer) -> Self:
        """The sequence after its window has run."""
        generated, sequence = self.generated, replace(self, state=output.rows.state)
        top, cells = self.options.top_log_probabilities, len(self.options.cells)
        in_prompt = generated is None or not (generated.text or generated.finish_reason)
        if self.captures_input and in_prompt and self.ids.size:
            captured = output.tokens.part(0).columns(top, cells)
            sequence = replace(sequence, captured=(*self.captured, captured))
        if generated is not None and self.count:
            tokens, captured, ended = output.rows.written
            generated = generated.append(
                np.asarray(tokens), captured.columns(top, cells), bool(ended), tokenizer
            )
            sequence = replace(sequence, generated=generated)
            if generated.stopped and self.rewind_points:
                sequence = sequence._rewound(generated, tokenizer)
        return sequence.scheduled()

    def _rewound(self, generated: GeneratedText, tokenizer: CharTokenizer | ByteTokenizer) -> Self:
        """The sequence that reads its text again, up to the stop string, from the last rewind point
        before it."""
        point = [p for p in self.rewind_points if p.length <= len(generated.text)][-1]
        kept = tokenizer.encode(generated.text[point.length :]).ids
        state = point.state._replace(drawn=point.state.drawn + np.int32(len(kept)))
        return replace(self, state=state, remaining=np.concatenate([point.ids, kept]))


def captured_input(
    sequences: Sequence[GenerationSequence], complete: Bool[np.ndarray, " tokens"]
) -> Captured:
    """The captured values of all characters that consecutive sequences have read. `complete` marks
    the tokens that complete a character."""
    parts = [part for sequence in sequences for part in sequence.captured]
    return by_character(join([no_captures(sequences[0].options), *parts]), complete)


def no_captures(options: GenerateOptions) -> Captured:
    """The captured values of no character."""
    return empty_capture(options.top_log_probabilities, len(options.cells))
