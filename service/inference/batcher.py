"""The request batcher: texts that wait for a model run together, batch after batch, on the device.

There is no fill timer: the next batch forms while the device works. A generated text returns to the
queue after each chunk, so that streams join and leave between two batches.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from service.inference.admission import Admission
from service.inference.jobs import Job, ProgressCallback, QueuedText, Result
from service.inference.models import ServedModel
from service.observe.logs import logger
from service.observe.metrics import ServiceMetrics
from textrnn.predictor import Predictor
from textrnn.tasks import Example

Part = tuple[Job, QueuedText]
"""A text in a batch, and the job it belongs to."""


class Batcher:
    """A bounded queue for each model, and one thread that runs their batches.

    The model whose first job has waited longest is next. As many texts of its queue run as fit into
    one batch; jobs whose client has left, or whose deadline has passed, are dropped.
    """

    def __init__(self, admission: Admission, metrics: ServiceMetrics):
        self._admission = admission
        self._limits = admission.limits
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
        on_progress: ProgressCallback | None = None,
    ) -> Result:
        """The answers to examples, in their order. Raises Problem 422, 429 or 504.

        `on_progress` is called in the event loop of the caller with each example that continues
        another one. If the caller is cancelled, texts that have not run yet never do.
        """
        on_progress = on_progress and _in_this_loop(on_progress)
        job = Job(served, time.monotonic() + seconds, [None] * len(examples), on_progress)
        for place, example in enumerate(examples):
            job.add(place, example)
        with self._waiting:
            self._admission.enqueue(len(examples), job.tokens)
            self._queues.setdefault(served.name, deque()).append(job)
            self._metrics.queue_depth.set(self._limits.rows)
            self._waiting.notify()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(job.future), seconds)
        except TimeoutError:
            self._admission.refuse_late(seconds)
        finally:
            job.future.cancel()  # after the result this does nothing

    def close(self) -> None:
        """End the thread after the current batch."""
        with self._waiting:
            self._stopping = True
            self._waiting.notify()
        self._thread.join()

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
                    self._limits.measure(tokens, began - before)
                parts, tokens = self._next_batch()
                self._limits.count(-len(parts), -tokens)
                self._metrics.queue_depth.set(self._limits.rows)
                if not self._limits.rows:
                    tokens = 0  # a batch that empties the queue does not show the pace of full ones
            if not parts:
                continue
            try:
                self._run(parts)
            except Exception as error:  # without this thread no request would ever be answered
                logger.exception("a batch of %s failed", parts[0][0].served.name)
                for job, text in parts:
                    job.settle(text.place, error)

    def _next_batch(self) -> tuple[list[Part], int]:
        """Texts of one model that fill a batch, and their tokens. Requires the lock."""
        queue = min((queue for queue in self._queues.values() if queue), key=lambda q: q[0].queued)
        served = queue[0].served
        limits = served.predictor.task.limits
        parts: list[Part] = []
        tokens = 0
        while queue and queue[0].served is served:
            job = queue[0]
            if job.abandoned:
                queue.popleft()
                self._limits.count(-len(job.waiting), -job.tokens)
                job.waiting.clear()
                job.tokens = 0
                self._metrics.rejected.labels("left_or_late").inc()
                continue
            while job.waiting:
                text = job.waiting[0]
                full = (
                    len(parts) == limits.rows or tokens + text.tokens > limits.tokens * limits.width
                )
                if full and parts:
                    return parts, tokens
                parts.append((job, job.take()))
                tokens += text.tokens
            queue.popleft()
        return parts, tokens

    def _run(self, parts: list[Part]) -> None:
        served = parts[0][0].served
        predictor = served.predictor
        examples = [text.example for _, text in parts]
        jobs = list({id(job): job for job, _ in parts}.values())
        began = time.monotonic()
        try:
            outcomes = predictor.step(examples)
        except Exception:  # caused by one text: the others must not fail with it
            logger.exception("a batch of %s failed; its texts run one by one", served.name)
            outcomes = [_run_alone(predictor, example) for example in examples]
        seconds = time.monotonic() - began
        self._observe(served, jobs, examples, began, seconds)
        for job in jobs:
            job.compute += seconds
        unfinished: list[tuple[Job, int, Example]] = []
        for (job, text), outcome in zip(parts, outcomes, strict=True):
            if not isinstance(outcome, Example):
                job.settle(text.place, outcome)
            elif job.abandoned:
                self._metrics.rejected.labels("left_or_late").inc()
            else:
                unfinished.append((job, text.place, outcome))
                if job.on_progress is not None:
                    job.on_progress(outcome, job.result([]))
        if unfinished:
            self._requeue(unfinished)

    def _requeue(self, unfinished: list[tuple[Job, int, Example]]) -> None:
        """Append the examples that continue texts to the queue, all at once."""
        with self._waiting:
            for job, place, example in unfinished:
                if not job.waiting:
                    job.queued = time.monotonic()
                    self._queues[job.served.name].append(job)
                self._limits.count(1, job.add(place, example))
            self._metrics.queue_depth.set(self._limits.rows)

    def _observe(
        self,
        served: ServedModel,
        jobs: list[Job],
        examples: list[Example],
        began: float,
        seconds: float,
    ) -> None:
        name, metrics = served.name, self._metrics
        metrics.inference.labels(name).observe(seconds)
        metrics.batch_rows.labels(name).observe(len(examples))
        metrics.tokens.labels(name).inc(sum(map(len, examples)))
        for job in jobs:
            metrics.queued.labels(name).observe(began - job.queued)


def _in_this_loop(callback: ProgressCallback) -> ProgressCallback:
    """The callback, to be called from another thread."""
    loop = asyncio.get_running_loop()

    def call(example: Example, result: Result) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(callback, example, result)

    return call


def _run_alone(predictor: Predictor, example: Example) -> Any:
    """The outcome of an example by itself, or the exception that it raises."""
    try:
        return predictor.step([example])[0]
    except Exception as error:
        logger.exception("a text failed")
        return error
