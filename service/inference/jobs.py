"""The work of one request, as it passes through the batcher."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from service.inference.batch_time import BatchTime
from service.inference.models import ServedModel
from service.inference.queue_limits import Demand
from textrnn.tasks import Answer, Example, Outputs, Window


@dataclass(frozen=True)
class Result:
    answers: list[Answer]
    queue_seconds: float
    compute_seconds: float


ProgressCallback = Callable[[Example, Result], None]
"""Called with the example that continues a text, and the times so far."""


class QueuedWindow(NamedTuple):
    """A window of a text in the queue. Windows run independently, so that a long document does not
    keep the device from others until its end."""

    place: int
    """The index of its text in the request."""
    number: int
    """Its index in the text."""
    windows: Sequence[Window]
    """The window; empty for a text that has none."""
    texts: int
    """1 for the last window of its text, else 0."""
    tokens: int
    """Its cost: tokens times hypotheses."""
    seconds: float
    """The expected time on the device, as a part of a full batch."""


@dataclass(eq=False)
class Job:
    """The texts of one request. Their windows run together or in parts, as batches have room; a
    generated text returns to the queue after each window."""

    served: ServedModel
    client: str
    deadline: float
    examples: list[Example]
    """The texts with their next windows."""
    future: asyncio.Future[Result]
    """Belongs to the event loop of the request; other threads only read whether it is done."""
    on_progress: ProgressCallback | None = None
    answers: list[Any] = field(init=False)
    """None for each text that is not answered yet."""
    unanswered: int = field(init=False)
    """Texts without an answer."""
    outcome: Result | Exception | None = None
    """What the future is to be set to, once it is known."""
    new: deque[QueuedWindow] = field(default_factory=deque)
    """Windows that wait, of texts that have not begun."""
    begun: deque[QueuedWindow] = field(default_factory=deque)
    """Windows that wait, of generated texts that have begun."""
    demand: Demand = field(default_factory=Demand)
    """What waits, and what is to come."""
    expected_wait: float = math.inf
    """Seconds until the first of its texts begins."""
    submitted: float = field(default_factory=time.monotonic)
    queued: float = field(default_factory=time.monotonic)
    """When it last joined the queue, or last had its turn."""
    started: float | None = None
    """When its first text began."""
    compute: float = 0.0
    ended: bool = False
    """Whether nothing of it is left in the queue or to come."""

    def __post_init__(self) -> None:
        count = len(self.examples)
        self.answers = [None] * count
        self.unanswered = count
        self._outputs: list[list[Sequence[Outputs] | None]] = [[]] * count
        self._missing = [0] * count
        self._later = [0.0] * count

    def add(
        self, place: int, example: Example, waiting: deque[QueuedWindow], time: BatchTime
    ) -> Demand:
        """Append the next windows of a text to those that wait. Returns by how much the demand has
        grown. The cost of a window is computed here only."""
        self.examples[place] = example
        parts = [(window,) for window in example.windows] or [()]
        last = len(parts) - 1
        self._outputs[place] = [None] * len(parts)
        self._missing[place] = len(parts)
        more = Demand(texts=1)
        for number, windows in enumerate(parts):
            tokens = sum(len(window) * window.width for window in windows)
            seconds = time.part(tokens)
            waiting.append(
                QueuedWindow(place, number, windows, int(number == last), tokens, seconds)
            )
            more.tokens += tokens
            more.seconds += seconds
        later = time.part(example.later_tokens) if example.later_tokens else 0.0
        more.later = later - self._later[place]
        self._later[place] = later
        self.demand.add(more)
        return more

    def take(self, waiting: deque[QueuedWindow]) -> tuple[QueuedWindow, Demand]:
        """Remove the first window that waits, in order to run it, and return by how much the demand
        has shrunk."""
        window = waiting.popleft()
        less = Demand(0, window.texts, window.tokens, window.seconds)
        self.demand.add(less, -1)
        return window, less

    @property
    def unfinished(self) -> bool:
        """Whether some of it waits, or is to come."""
        return bool(self.new or self.begun) or any(self._later)

    @property
    def abandoned(self) -> bool:
        """Whether the client has left, the deadline has passed, or the request has failed."""
        return self.future.done() or self.outcome is not None or time.monotonic() > self.deadline

    def result(self, answers: list[Answer]) -> Result:
        """Answers with the times so far."""
        return Result(answers, (self.started or self.submitted) - self.submitted, self.compute)

    def receive(self, window: QueuedWindow, outputs: Sequence[Outputs]) -> list[Outputs] | None:
        """Record the outputs of a window. Returns those of its text if they are complete."""
        whole = self._outputs[window.place]
        whole[window.number] = outputs
        self._missing[window.place] -= 1
        if self._missing[window.place]:
            return None
        return [output for part in whole if part is not None for output in part]

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
