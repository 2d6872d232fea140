"""The request batcher: texts that wait for a model run together, batch after batch, on the device.

There is no fill timer: the next batch forms while the device works. A generated text returns to the
queue after each chunk, so that streams join and leave between two batches.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
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

    def submit(
        self,
        served: ServedModel,
        examples: Sequence[Example],
        seconds: float,
        on_progress: ProgressCallback | None = None,
    ) -> asyncio.Future[Result]:
        """The future answers to examples, in their order. Raises Problem 422 or 429; the future
        raises Problem 504.

        `on_progress` is called in the running event loop with each example that continues another
        one. If the future is cancelled, texts that have not run yet never do.
        """
        loop = asyncio.get_running_loop()
        count, future = len(examples), loop.create_future()
        progress = on_progress and partial(_call_in, loop, on_progress)
        job = Job(served, time.monotonic() + seconds, [None] * count, count, future, progress)
        for place, example in enumerate(examples):
            job.add(place, example)
        with self._waiting:
            self._admission.enqueue(count, job.tokens)
            self._queues.setdefault(served.name, deque()).append(job)
            self._metrics.queue_depth.set(self._limits.rows)
            self._waiting.notify()
        late = loop.call_later(seconds, self._refuse_late, future, seconds)
        future.add_done_callback(lambda _: late.cancel())
        return future

    def _refuse_late(self, future: asyncio.Future[Result], seconds: float) -> None:
        if not future.done():
            future.set_exception(self._admission.late(seconds))

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
                _complete([job for job, text in parts if job.settle(text.place, error)])

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
        complete: list[Job] = []
        for (job, text), outcome in zip(parts, outcomes, strict=True):
            if not isinstance(outcome, Example):
                if job.settle(text.place, outcome):
                    complete.append(job)
            elif job.abandoned:
                self._metrics.rejected.labels("left_or_late").inc()
            else:
                unfinished.append((job, text.place, outcome))
                if job.on_progress is not None:
                    job.on_progress(outcome, job.result([]))
        _complete(complete)
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


def _complete(jobs: Sequence[Job]) -> None:
    """Complete jobs in their event loops. Each loop is woken once, which is a system call."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.future.get_loop(), []).append(job)
    for loop, its_jobs in by_loop.items():
        _call_in(loop, _complete_here, its_jobs)


def _complete_here(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.complete()


def _call_in(
    loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *arguments: Any
) -> None:
    """Call back in the event loop of another thread, unless it is closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback, *arguments)


def _run_alone(predictor: Predictor, example: Example) -> Any:
    """The outcome of an example by itself, or the exception that it raises."""
    try:
        return predictor.step([example])[0]
    except Exception as error:
        logger.exception("a text failed")
        return error
