"""The work of one request, on its way through the batcher."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from service.inference.models import ServedModel
from textrnn.tasks import Answer, Example


@dataclass(frozen=True)
class Result:
    answers: list[Answer]
    queue_seconds: float
    compute_seconds: float


ProgressCallback = Callable[[Example, Result], None]
"""Takes an example that is being worked on, and the times so far."""


@dataclass
class Job:
    """The texts of one request. They run together or in parts, as there is room; a text that is
    answered piece by piece comes back into the queue after each."""

    served: ServedModel
    deadline: float
    future: "Future[Result]"
    waiting: deque[tuple[int, Example]]
    """What is to run next, each with its place in the request."""
    answers: list[Answer | None]
    tell: ProgressCallback | None = None
    submitted: float = field(default_factory=time.monotonic)
    queued: float = field(default_factory=time.monotonic)
    """When it joined the queue, the last time."""
    started: float | None = None
    compute: float = 0.0

    @classmethod
    def of(
        cls,
        served: ServedModel,
        examples: Sequence[Example],
        seconds: float,
        tell: ProgressCallback | None,
    ):
        waiting = deque(enumerate(examples))
        deadline = time.monotonic() + seconds
        return cls(served, deadline, Future(), waiting, [None] * len(waiting), tell)

    @property
    def over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.future.done() or time.monotonic() > self.deadline

    @property
    def result(self) -> Result:
        """What there is so far."""
        done = [answer for answer in self.answers if answer is not None]
        return Result(done, (self.started or self.submitted) - self.submitted, self.compute)

    def settle(self, place: int, outcome: Any) -> None:
        """Take in an answer, or why there is none; the last one answers the request."""
        if isinstance(outcome, Exception):
            if not self.future.done() and self.future.set_running_or_notify_cancel():
                self.future.set_exception(outcome)
            return
        self.answers[place] = outcome
        whole = None not in self.answers
        if whole and not self.future.done() and self.future.set_running_or_notify_cancel():
            self.future.set_result(self.result)
