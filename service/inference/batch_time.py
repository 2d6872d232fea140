"""The expected time of a batch of a model, from those that it has run."""

_INITIAL_SECONDS_PER_TOKEN = 5e-5
"""Until a batch has run."""
_MEMORY = 0.97
"""The weight that an observation keeps with each later one: some 30 batches count."""


class BatchTime:
    """A line, overhead + per_token * tokens, fitted to recent batches by least squares with
    exponential forgetting (Haykin, Adaptive Filter Theory, section 10).

    The overhead is most of the time of a window of generation, whose steps follow one another, and
    the time per token that of a long text. An observation of no tokens in no time makes the line
    unique if all batches have the same size.
    """

    def __init__(self, rows: int, tokens: int):
        """`rows` and `tokens` are those of the largest batch."""
        self._rows = rows
        self._tokens = tokens
        self.overhead = 0.0
        """Seconds per batch."""
        self.per_token = _INITIAL_SECONDS_PER_TOKEN
        """Seconds."""
        self._weight = 1.0
        self._sums = (0.0, 0.0, 0.0, 0.0)
        """Of tokens, seconds, squared tokens, and tokens times seconds."""

    def batch(self, tokens: int) -> float:
        """Seconds that a batch of so many tokens takes."""
        return self.overhead + self.per_token * tokens

    def part(self, tokens: int) -> float:
        """Seconds that a window adds to the time of full batches: its tokens, and the part of the
        overhead that is the part of a batch that it fills."""
        filled = max(1 / self._rows, tokens / self._tokens)
        return self.overhead * filled + self.per_token * tokens

    def observe(self, tokens: int, seconds: float) -> None:
        """A batch of so many tokens has taken so long."""
        if not tokens:
            return
        new = (tokens, seconds, tokens * tokens, tokens * seconds)
        x, y, xx, xy = self._sums = tuple(
            _MEMORY * old + value for old, value in zip(self._sums, new, strict=True)
        )  # type: ignore[assignment]
        self._weight = _MEMORY * (self._weight - 1) + 2  # that of the empty batch stays 1
        slope = (xy - x * y / self._weight) / (xx - x * x / self._weight)
        intercept = (y - slope * x) / self._weight
        if slope < 0:
            slope, intercept = 0.0, y / self._weight
        elif intercept < 0:
            slope, intercept = y / x, 0.0
        self.per_token, self.overhead = slope, intercept
