"""How much may wait: so many texts, so many tokens, and no longer than so many seconds."""

import math

_FIRST_PACE = 20_000.0
"""Tokens a second, until the true pace is known."""
_FIRST_LENGTH = 32.0
"""Tokens of a text, likewise."""
_LONGEST_PAUSE = 120


class QueueLimits:
    """The bounds of the queue, and what is in it. Not locked: whoever changes it holds the queue's
    lock."""

    def __init__(self, rows: int, tokens: int, seconds: float):
        self._most_rows = rows
        self.most_tokens = tokens
        self._most_seconds = seconds
        self._pace = _FIRST_PACE
        self._length = _FIRST_LENGTH
        self.rows = 0
        """Texts that wait, those on the device not counted."""
        self.tokens = 0
        """Their tokens, padding included."""

    def wait(self, coming: int) -> int | None:
        """None where another text finds room behind those that wait and `coming` others, whose
        length is not known yet; else after how many seconds, from 1 to 120, to try again."""
        ahead = self.tokens + coming * self._length
        full = self.rows + coming >= self._most_rows or ahead >= self.most_tokens
        return self.pause if full or ahead > self._most_seconds * self._pace else None

    def fits(self, rows: int, tokens: int) -> bool:
        """Whether there is room for so much. How long it will wait was asked when it came: what is
        read already is not refused for a second or two."""
        return self.rows + rows <= self._most_rows and self.tokens + tokens <= self.most_tokens

    @property
    def pause(self) -> int:
        """After how many seconds to try again."""
        return min(_LONGEST_PAUSE, max(1, math.ceil(self.tokens / self._pace)))

    def count(self, rows: int, tokens: int) -> None:
        """Take in what came, or with negative numbers what went."""
        self.rows += rows
        self.tokens += tokens
        if rows > 0:
            self._length = 0.95 * self._length + 0.05 * tokens / rows

    def learn(self, tokens: int, seconds: float) -> None:
        """So many tokens were worked off in so long, while others waited."""
        self._pace = 0.9 * self._pace + 0.1 * tokens / max(seconds, 1e-6)
