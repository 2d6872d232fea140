"""Generated text: tokens become characters, and stop strings end it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Int

from textrnn.tasks.generate.capture import Captured, by_character, join
from textrnn.text import SPECIALS, ByteTokenizer, CharTokenizer


@dataclass(frozen=True)
class GeneratedText:
    """The text generated so far."""

    max_characters: int
    stop: Sequence[str]
    """Stop strings: the text ends before the first of them."""
    text: str = ""
    captured: tuple[Captured, ...] = ()
    """The captured values of each character, by window."""
    incomplete: tuple[np.ndarray, Captured] | None = None
    """The tokens of a character that is not complete yet, and their captured values."""
    finish_reason: str = ""
    """`length` or `stop`; empty while the text is not finished."""
    stopped: bool = False
    """Whether a stop string ended the text, and was removed from it."""

    def append(
        self,
        tokens: Int[np.ndarray, " tokens"],
        captured: Captured,
        ended: bool,
        tokenizer: CharTokenizer | ByteTokenizer,
    ) -> Self:
        """The text with more tokens, except special ones. `ended`: the model generated EOS."""
        count = int((tokens >= len(SPECIALS)).sum())
        ids, captured = tokens[:count], captured.part(0, count)
        if self.incomplete is not None:
            ids_before, captured_before = self.incomplete
            ids = np.concatenate([ids_before, ids])
            captured = join([captured_before, captured])
        flags = tokenizer.grammar.completes_character(ids)
        complete = int(flags.nonzero()[0].max(initial=-1)) + 1
        text = self.text + tokenizer.decode(ids[:complete])
        end = find_stop(text, self.stop, len(self.text))
        length = "length" if len(text) >= self.max_characters else ""
        return replace(
            self,
            text=text[:end],
            captured=(*self.captured, by_character(captured.part(0, complete), flags[:complete])),
            incomplete=(ids[complete:], captured.part(complete)) if complete < len(ids) else None,
            finish_reason="stop" if ended or end is not None else length,
            stopped=end is not None,
        )

    @property
    def stable_length(self) -> int:
        """The number of characters that no stop string can remove any more.

        >>> GeneratedText(max_characters=100, stop=["two"], text="one tw").stable_length
        4
        """
        if self.finish_reason:
            return len(self.text)
        longest = max(map(len, self.stop), default=1)
        for start in range(max(len(self.text) - longest + 1, 0), len(self.text)):
            if any(stop.startswith(self.text[start:]) for stop in self.stop):
                return start
        return len(self.text)


def find_stop(text: str, stop: Sequence[str], checked: int = 0) -> int | None:
    """The start of the stop string that is complete first, the longest of several; None without
    one. The first `checked` characters are known to hold none.

    >>> find_stop("one two", ["two", "wo", "x"])
    4
    """
    matches = []
    for string in stop:
        start = text.find(string, max(checked - len(string) + 1, 0))
        if start >= 0:
            matches.append((start + len(string), start))
    return min(matches)[1] if matches else None
