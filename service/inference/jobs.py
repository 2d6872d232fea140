"""The work of one request, as it passes through the batcher."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from service.inference.models import ServedModel
from textrnn.tasks import Answer, Example


@dataclass(frozen=True)
class Result:
    answers: list[Answer]
    queue_seconds: float
    compute_seconds: float


ProgressCallback = Callable[[Example, Result], None]
"""Called with the example that continues a text, and the times so far."""


class QueuedText(NamedTuple):
    """One text of a request in the queue."""

    place: int
    """Its index in the request."""
    example: Example
    tokens: int
    """Its cost: tokens times hypotheses."""


@dataclass
class Job:
    """The texts of one request. They run together or in parts, as batches have room; a generated
    text returns to the queue after each chunk."""

    served: ServedModel
    deadline: float
    answers: list[Any]
    """None for each text that is not answered yet."""
    unanswered: int
    """Texts without an answer."""
    future: asyncio.Future[Result]
    """Belongs to the event loop of the request; other threads only read whether it is done."""
    on_progress: ProgressCallback | None = None
    outcome: Result | Exception | None = None
    """What the future is to be set to, once it is known."""
    waiting: deque[QueuedText] = field(default_factory=deque)
    tokens: int = 0
    """The cost of the texts that wait."""
    submitted: float = field(default_factory=time.monotonic)
    queued: float = field(default_factory=time.monotonic)
    """When it last joined the queue."""
    started: float | None = None
    compute: float = 0.0

    def add(self, place: int, example: Example) -> int:
        """Append what is to run next for a text, and return its cost in tokens. The cost is
        computed here only."""
        tokens = sum(len(window) * window.width for window in example.windows)
        self.waiting.append(QueuedText(place, example, tokens))
        self.tokens += tokens
        return tokens

    def take(self) -> QueuedText:
        """Remove the first text that waits, in order to run it."""
        text = self.waiting.popleft()
        self.tokens -= text.tokens
        self.started = self.started or time.monotonic()
        return text

    @property
    def abandoned(self) -> bool:
        """Whether the client has left, the deadline has passed, or the request has failed."""
        return self.future.done() or self.outcome is not None or time.monotonic() > self.deadline

    def result(self, answers: list[Answer]) -> Result:
        """Answers with the times so far."""
        return Result(answers, (self.started or self.submitted) - self.submitted, self.compute)

    def settle(self, place: int, answer: Any) -> bool:
        """Record the answer to a text, or the exception that replaces it. Returns whether the
        outcome is known now: with the last answer, or with the first exception."""
        if self.outcome is not None:
            return False
        if isinstance(answer, Exception):
            self.outcome = answer
            return True
        self.answers[place] = answer
        self.unanswered -= 1
        if not self.unanswered:
            self.outcome = self.result(self.answers)
        return self.outcome is not None

    def complete(self) -> None:
        """Set the future to the outcome. Must run in the event loop of the request."""
        if self.future.done():
            return
        if isinstance(self.outcome, Exception):
            self.future.set_exception(self.outcome)
        elif self.outcome is not None:
            self.future.set_result(self.outcome)
