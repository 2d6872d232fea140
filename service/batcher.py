"""Requests meet here: what waits runs together, as one batch after another on the device.

There is no fill timer. While the device works, the next batch forms.
"""

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from service.errors import Problem
from service.models import Served
from service.telemetry import Telemetry
from textrnn.batching import Group
from textrnn.predictor import Predictor
from textrnn.tasks import Answer, Example

log = logging.getLogger("textrnn.service")


@dataclass
class Job:
    """The texts of one request. They run together or in parts, as there is room."""

    served: Served
    examples: Sequence[Example]
    deadline: float
    future: "Future[Result]"
    submitted: float = field(default_factory=time.monotonic)
    started: float | None = None
    answers: list[Answer] = field(default_factory=list)
    compute: float = 0.0
    taken: int = 0

    @property
    def left(self) -> int:
        return len(self.examples) - self.taken


@dataclass(frozen=True)
class Result:
    answers: list[Answer]
    queue_seconds: float
    compute_seconds: float


class Batcher:
    """A bounded queue for each model, and one thread that works them off.

    The model whose first job has waited longest is next. Of its jobs as many run as fit into one
    batch; jobs whose client left, or whose deadline passed, are dropped instead.
    """

    def __init__(self, queue_rows: int, queue_tokens: int, telemetry: Telemetry):
        self._limits = (queue_rows, queue_tokens)
        self._telemetry = telemetry
        self._queues: dict[str, deque[Job]] = {}
        self._waiting = threading.Condition()
        self._rows = 0
        self._tokens = 0
        self._rate = 20_000.0
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="device", daemon=True)
        self._thread.start()

    async def submit(self, served: Served, examples: Sequence[Example], seconds: float) -> Result:
        """The answers to examples, in their order. Raises Problem: 429, 422 or 504.

        When the caller is cancelled, what has not run yet never will.
        """
        job = Job(served, examples, time.monotonic() + seconds, Future())
        self._enqueue(job)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(job.future), seconds)
        except TimeoutError:
            raise Problem(
                504, "deadline", f"no answer within the deadline of {seconds:g} s; try again later"
            ) from None
        finally:
            job.future.cancel()  # whoever waited has left, or has the answer

    @property
    def waiting_rows(self) -> int:
        """Texts in the queues, those on the device not counted."""
        return self._rows

    def close(self) -> None:
        """End the thread after the batch that it is on."""
        with self._waiting:
            self._stopping = True
            self._waiting.notify()
        self._thread.join()

    def _enqueue(self, job: Job) -> None:
        rows, tokens = len(job.examples), sum(_padded(job.served, e) for e in job.examples)
        most_rows, most_tokens = self._limits
        if tokens > most_tokens:
            raise Problem(
                422,
                "too_many_tokens",
                f"the texts of this request have {tokens} tokens together, the limit is "
                f"{most_tokens}; send fewer texts in a request",
            )
        with self._waiting:
            if self._rows + rows > most_rows or self._tokens + tokens > most_tokens:
                self._telemetry.rejected.labels("queue_full").inc()
                wait = min(120, max(1, math.ceil(self._tokens / self._rate)))
                raise Problem(
                    429,
                    "queue_full",
                    f"the queue is full; try again in {wait} s",
                    headers={"retry-after": str(wait)},
                )
            self._queues.setdefault(job.served.name, deque()).append(job)
            self._count(rows, tokens)
            self._waiting.notify()

    def _count(self, rows: int, tokens: int) -> None:
        self._rows += rows
        self._tokens += tokens
        self._telemetry.queue_depth.set(self._rows)

    def _work(self) -> None:
        while True:
            with self._waiting:
                while not (self._stopping or any(self._queues.values())):
                    self._waiting.wait()
                if self._stopping:
                    return
                parts = self._next_batch()
            if parts:
                self._run(parts)

    def _next_batch(self) -> list[tuple[Job, Sequence[Example]]]:
        """Parts of jobs of one model that fill a batch. Called with the lock held."""
        queue = min(
            (queue for queue in self._queues.values() if queue), key=lambda q: q[0].submitted
        )
        buckets = queue[0].served.predictor.task.buckets
        room_rows, room_tokens = buckets.rows, buckets.tokens
        served = queue[0].served
        parts: list[tuple[Job, Sequence[Example]]] = []
        now = time.monotonic()
        while queue and queue[0].served is served:
            job = queue[0]
            if job.future.done() or now > job.deadline:
                queue.popleft()
                left = job.examples[job.taken :]
                self._count(-len(left), -sum(_padded(served, e) for e in left))
                self._telemetry.rejected.labels("left_or_late").inc()
                continue
            part = []
            for example in job.examples[job.taken :]:
                cost = _padded(served, example)
                if not room_rows or (cost > room_tokens and (parts or part)):
                    break
                part.append(example)
                room_rows, room_tokens = room_rows - 1, room_tokens - cost
            if not part:
                break
            self._count(-len(part), -sum(_padded(served, e) for e in part))
            job.taken += len(part)
            job.started = job.started or now
            parts.append((job, part))
            if job.left:
                break
            queue.popleft()
        return parts

    def _run(self, parts: list[tuple[Job, Sequence[Example]]]) -> None:
        served = parts[0][0].served
        predictor = served.predictor
        examples = [example for _, part in parts for example in part]
        began = time.monotonic()
        try:
            groups = predictor.plan(examples, compiled_only=True)
            outcomes: list[Any] = list(predictor.answer(examples, groups))
        except Exception:  # one of them is at fault: let it not fail its neighbours
            log.exception("a batch of %s failed; its texts run one by one", served.name)
            groups = []
            outcomes = [_alone(predictor, example) for example in examples]
        seconds = time.monotonic() - began
        self._observe(parts, groups, seconds)
        start = 0
        for job, part in parts:
            _settle(job, outcomes[start : start + len(part)], seconds)
            start += len(part)

    def _observe(
        self, parts: list[tuple[Job, Sequence[Example]]], groups: list[Group], seconds: float
    ) -> None:
        served, telemetry = parts[0][0].served, self._telemetry
        padded = sum(group.shape.tokens for group in groups)
        self._rate = 0.9 * self._rate + 0.1 * padded / max(seconds, 1e-6)
        telemetry.inference.labels(served.name).observe(seconds)
        telemetry.batch_rows.labels(served.name).observe(sum(len(part) for _, part in parts))
        telemetry.tokens_real.labels(served.name).inc(sum(len(e) for _, p in parts for e in p))
        telemetry.tokens_padded.labels(served.name).inc(padded)
        telemetry.compilations.labels(served.name).set(served.predictor.compilations)
        for job, _ in parts:
            telemetry.queued.labels(served.name).observe((job.started or 0) - job.submitted)


def _alone(predictor: Predictor, example: Example) -> Answer | Exception:
    try:
        return predictor.answer([example], predictor.plan([example], compiled_only=True))[0]
    except Exception as error:
        log.exception("a text failed")
        return error


def _padded(served: Served, example: Example) -> int:
    """The tokens that an example costs: the length of each window, padded to the grid, and that for
    each hypothesis."""
    buckets = served.predictor.task.buckets
    return sum(
        _at_least(buckets.lengths, len(window)) * _at_least(buckets.widths, window.width)
        for window in example.windows
    )


def _at_least(grid: Sequence[int], wanted: int) -> int:
    return next(size for size in grid if size >= wanted)


def _settle(job: Job, outcomes: list[Any], seconds: float) -> None:
    """Add a part's outcomes to its job, and answer the job when it is whole."""
    if job.future.done():
        return
    failed = next((o for o in outcomes if isinstance(o, Exception)), None)
    job.answers += outcomes
    job.compute += seconds
    if failed is not None:
        if job.future.set_running_or_notify_cancel():
            job.future.set_exception(failed)
    elif len(job.answers) == len(job.examples) and job.future.set_running_or_notify_cancel():
        queued = (job.started or job.submitted) - job.submitted
        job.future.set_result(Result(job.answers, queued, job.compute))
