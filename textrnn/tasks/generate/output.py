"""The text that a model is writing: tokens become characters, and some strings end it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from textrnn.tasks.generate.capture import Captured, by_character, join
from textrnn.text import SPECIALS, ByteTokenizer, CharTokenizer


@dataclass(frozen=True)
class GeneratedText:
    """What has been written so far."""

    most: int
    """Characters at which it ends."""
    stops: Sequence[str]
    """Strings before which it ends."""
    text: str = ""
    seen: tuple[Captured, ...] = ()
    """What was seen of each character, piece by piece."""
    pending: tuple[np.ndarray, Captured] | None = None
    """The tokens since the last whole character, and what was seen of each."""
    finish_reason: str = ""
    """Why it has come to its end: `length` or `stop`."""
    stopped: bool = False
    """Whether a stop string took text away."""

    def longer(
        self,
        tokens: np.ndarray,
        seen: Captured,
        ended: bool,
        tokenizer: CharTokenizer | ByteTokenizer,
    ) -> Self:
        """With more tokens; `ended` if the model said that the text is over. Special tokens are
        left out."""
        count = int((tokens >= len(SPECIALS)).sum())
        ids, seen = tokens[:count], seen.part(0, count)
        if self.pending is not None:
            before, seen_before = self.pending
            ids, seen = np.concatenate([before, ids]), join([seen_before, seen])
        flags = tokenizer.grammar.completes_character(ids)
        whole = int(flags.nonzero()[0].max(initial=-1)) + 1
        text = self.text + tokenizer.decode(ids[:whole])
        stop = end_of(text, self.stops, len(self.text))
        reason = "length" if len(text) >= self.most else ""
        return replace(
            self,
            text=text[:stop],
            seen=(*self.seen, by_character(seen.part(0, whole), flags[:whole])),
            pending=(ids[whole:], seen.part(whole)) if whole < len(ids) else None,
            finish_reason="stop" if ended or stop is not None else reason,
            stopped=stop is not None,
        )

    @property
    def settled(self) -> int:
        """How many characters no stop string can take away any more.

        >>> Draft(most=100, stops=["two"], text="one tw").settled
        4
        """
        if self.finish_reason:
            return len(self.text)
        longest = max(map(len, self.stops), default=1)
        for start in range(max(len(self.text) - longest + 1, 0), len(self.text)):
            if any(stop.startswith(self.text[start:]) for stop in self.stops):
                return start
        return len(self.text)


def end_of(text: str, stops: Sequence[str], fresh: int = 0) -> int | None:
    """Where `text` is to be cut: before the stop string that is complete first, the longest of
    several; None without one. None is known to end before position `fresh`.

    >>> end_of("one two", ["two", "wo", "x"])
    4
    """
    found = []
    for stop in stops:
        start = text.find(stop, max(fresh - len(stop) + 1, 0))
        if start >= 0:
            found.append((start + len(stop), start))
    return min(found)[1] if found else None
