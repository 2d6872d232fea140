"""Queue limits: rows, tokens and expected waiting time."""

import math

_INITIAL_PACE = 20_000.0
"""Tokens per second, until the pace has been measured."""
_INITIAL_LENGTH = 32.0
"""Tokens per text, until texts have been measured."""
_MAX_RETRY_AFTER = 120


class QueueLimits:
    """The limits of the queue, and how full it is.

    Not thread-safe: changes require the lock of the queue.
    """

    def __init__(self, rows: int, tokens: int, seconds: float):
        self._max_rows = rows
        self.max_tokens = tokens
        self.max_seconds = seconds
        self._pace = _INITIAL_PACE
        self._length = _INITIAL_LENGTH
        self.rows = 0
        """Texts in the queue, without those that are running."""
        self.tokens = 0
        """Their cost: tokens times hypotheses."""

    def retry_after(
        self, rows: int, tokens: int, unread: int = 0, max_seconds: float = math.inf
    ) -> int | None:
        """Seconds after which to try again, from 1 to 120, if so many rows and tokens do not fit
        into the queue, or would leave it after more than `max_seconds`. None if they fit.

        Ahead of them are also `unread` texts that are not tokenised yet, which count as long as the
        average text.
        """
        rows += self.rows + unread
        total = self.tokens + tokens + unread * self._length
        fits = rows <= self._max_rows and total <= self.max_tokens
        if fits and total <= max_seconds * self._pace:
            return None
        return min(_MAX_RETRY_AFTER, max(1, math.ceil(self.tokens / self._pace)))

    def count(self, rows: int, tokens: int) -> None:
        """Add to the queue, or remove from it with negative numbers."""
        self.rows += rows
        self.tokens += tokens
        if rows > 0:
            self._length = 0.95 * self._length + 0.05 * tokens / rows

    def measure(self, tokens: int, seconds: float) -> None:
        """Update the pace: a batch of so many tokens took so long while others waited."""
        self._pace = 0.9 * self._pace + 0.1 * tokens / max(seconds, 1e-6)
