"""Requests meet here: what waits runs together, as one batch after another on the device.

There is no fill timer. While the device works, the next batch forms. A text that is written piece
by piece joins the queue again after each piece, so that streams come and go between two batches.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from service.errors import Problem, queue_full
from service.inference.jobs import Job, ProgressCallback, Result
from service.inference.models import ServedModel
from service.inference.queue_limits import QueueLimits
from service.observe.metrics import ServiceMetrics
from textrnn.batching import Group
from textrnn.predictor import Predictor
from textrnn.tasks import Example

log = logging.getLogger("textrnn.service")

Part = tuple[Job, int, Example]
"""An example in a batch: whose it is, and its place in the request."""


class Batcher:
    """A bounded queue for each model, and one thread that works them off.

    The model whose first job has waited longest is next. Of its jobs as many run as fit into one
    batch; jobs whose client left, or whose deadline passed, are dropped instead.
    """

    def __init__(self, room: QueueLimits, metrics: ServiceMetrics):
        self.room = room
        self._metrics = metrics
        self._queues: dict[str, deque[Job]] = {}
        self._waiting = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="device", daemon=True)
        self._thread.start()

    async def submit(
        self,
        served: ServedModel,
        examples: Sequence[Example],
        seconds: float,
        tell: ProgressCallback | None = None,
    ) -> Result:
        """The answers to examples, in their order. Raises Problem: 429, 422 or 504.

        `tell` is called with each example that another one follows, in the caller's loop. When the
        caller is cancelled, what has not run yet never will.
        """
        job = Job.of(served, examples, seconds, tell and _in_this_loop(tell))
        self._enqueue(job)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(job.future), seconds)
        except TimeoutError:
            raise Problem(
                504, "deadline", f"no answer within the deadline of {seconds:g} s; try again later"
            ) from None
        finally:
            job.future.cancel()  # whoever waited has left, or has the answer

    def close(self) -> None:
        """End the thread after the batch that it is on."""
        with self._waiting:
            self._stopping = True
            self._waiting.notify()
        self._thread.join()

    def _enqueue(self, job: Job) -> None:
        if not job.served.predictor.compiled_for([example for _, example in job.waiting]):
            raise Problem(
                503,
                "unavailable",
                "what this takes is being compiled; try again in a second",
                headers={"retry-after": "1"},
            )
        rows, tokens = len(job.waiting), sum(_padded(job.served, e) for _, e in job.waiting)
        if tokens > self.room.most_tokens:
            raise Problem(
                422,
                "too_many_tokens",
                f"the texts of this request have {tokens} tokens together, the limit is "
                f"{self.room.most_tokens}; send fewer texts in a request",
            )
        with self._waiting:
            if not self.room.fits(rows, tokens):
                self._metrics.rejected.labels("queue_full").inc()
                raise queue_full(self.room.pause)
            self._queues.setdefault(job.served.name, deque()).append(job)
            self._count(rows, tokens)
            self._waiting.notify()

    def _count(self, rows: int, tokens: int) -> None:
        self.room.count(rows, tokens)
        self._metrics.queue_depth.set(self.room.rows)

    def _work(self) -> None:
        began, tokens = 0.0, 0
        while True:
            with self._waiting:
                while not (self._stopping or any(self._queues.values())):
                    self._waiting.wait()
                if self._stopping:
                    return
                began, before = time.monotonic(), began
                if tokens:
                    self.room.learn(tokens, began - before)
                parts = self._next_batch()
                # A batch that takes all there is says nothing of how fast a full one is.
                tokens = self.room.rows and sum(_padded(job.served, e) for job, _, e in parts)
            if not parts:
                continue
            try:
                self._run(parts)
            except Exception as error:  # the thread lives on: without it nobody is ever answered
                log.exception("a batch of %s failed", parts[0][0].served.name)
                for job, place, _ in parts:
                    job.settle(place, error)

    def _next_batch(self) -> list[Part]:
        """What of the jobs of one model fills a batch. Called with the lock held."""
        queue = min((queue for queue in self._queues.values() if queue), key=lambda q: q[0].queued)
        served = queue[0].served
        buckets = served.predictor.task.buckets
        room_rows, room_tokens = buckets.rows, buckets.tokens
        parts: list[Part] = []
        while queue and queue[0].served is served:
            job = queue[0]
            if job.over:
                queue.popleft()
                self._count(-len(job.waiting), -sum(_padded(served, e) for _, e in job.waiting))
                job.waiting.clear()
                self._metrics.rejected.labels("left_or_late").inc()
                continue
            while job.waiting:
                place, example = job.waiting[0]
                cost = _padded(served, example)
                if not room_rows or (cost > room_tokens and parts):
                    return parts
                parts.append((job, place, example))
                job.waiting.popleft()
                job.started = job.started or time.monotonic()
                room_rows, room_tokens = room_rows - 1, room_tokens - cost
                self._count(-1, -cost)
            queue.popleft()
        return parts

    def _run(self, parts: list[Part]) -> None:
        served = parts[0][0].served
        predictor = served.predictor
        examples = [example for _, _, example in parts]
        began = time.monotonic()
        try:
            groups = predictor.plan(examples, compiled_only=True)
            outcomes = predictor.step(examples, groups)
        except Exception:  # one of them is at fault: let it not fail its neighbours
            log.exception("a batch of %s failed; its texts run one by one", served.name)
            groups = []
            outcomes = [_alone(predictor, example) for example in examples]
        seconds = time.monotonic() - began
        self._observe(parts, groups, began, seconds)
        for job in {id(job): job for job, _, _ in parts}.values():
            job.compute += seconds
        again: list[Part] = []
        for (job, place, _), outcome in zip(parts, outcomes, strict=True):
            if not isinstance(outcome, Example):
                job.settle(place, outcome)
            elif job.over:
                self._metrics.rejected.labels("left_or_late").inc()
            else:
                again.append((job, place, outcome))
                if job.tell is not None:
                    job.tell(outcome, job.result)
        if again:
            self._requeue(again)

    def _requeue(self, parts: list[Part]) -> None:
        """Put what follows into the queue, all at once, behind what waits."""
        with self._waiting:
            for job, place, example in parts:
                queue = self._queues[job.served.name]
                if not job.waiting:
                    job.queued = time.monotonic()
                    queue.append(job)
                job.waiting.append((place, example))
                self._count(1, _padded(job.served, example))

    def _observe(
        self, parts: list[Part], groups: list[Group], began: float, seconds: float
    ) -> None:
        served, metrics = parts[0][0].served, self._metrics
        padded = sum(group.shape.tokens for group in groups)
        metrics.inference.labels(served.name).observe(seconds)
        metrics.batch_rows.labels(served.name).observe(len(parts))
        metrics.tokens_real.labels(served.name).inc(sum(len(e) for _, _, e in parts))
        metrics.tokens_padded.labels(served.name).inc(padded)
        metrics.compilations.labels(served.name).set(served.predictor.compilations)
        for job in {id(job): job for job, _, _ in parts}.values():
            metrics.queued.labels(served.name).observe(began - job.queued)


def _in_this_loop(tell: ProgressCallback) -> ProgressCallback:
    loop = asyncio.get_running_loop()

    def tell_there(example: Example, result: Result) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
            loop.call_soon_threadsafe(tell, example, result)

    return tell_there


def _alone(predictor: Predictor, example: Example) -> Any:
    try:
        groups = predictor.plan([example], compiled_only=True)
        return predictor.step([example], groups)[0]
    except Exception as error:
        log.exception("a text failed")
        return error


def _padded(served: ServedModel, example: Example) -> int:
    return sum(map(served.predictor.task.padded, example.windows))
