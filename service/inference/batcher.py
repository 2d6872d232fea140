"""The request batcher: texts that wait for a model run together, batch after batch, on the device.

There is no fill timer: the next batch forms while the device works. A generated text returns to the
queue after each window, so that streams join and leave between two batches.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from service.inference.admission import Admission
from service.inference.jobs import Job, ProgressCallback, Result
from service.inference.models import ServedModel
from service.inference.schedule import Part, Schedule, ScheduledBatch
from service.observe.logs import logger
from service.observe.metrics import ServiceMetrics
from textrnn.tasks import Example

_Continued = tuple[Job, int, Example]
"""A text of a job that has more windows: its place, and the example with them."""


class Batcher:
    """A bounded queue, and one thread that runs its batches in the order of a `Schedule`. Jobs
    whose client has left, or whose deadline has passed, are dropped."""

    def __init__(self, admission: Admission, metrics: ServiceMetrics):
        self._admission = admission
        self._limits = admission.limits
        self._metrics = metrics
        self._schedule = Schedule(admission.limits)
        self._waiting = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="device", daemon=True)
        self._thread.start()

    def submit(
        self,
        served: ServedModel,
        examples: Sequence[Example],
        seconds: float,
        client: str,
        on_progress: ProgressCallback | None = None,
    ) -> asyncio.Future[Result]:
        """The future answers to examples, in their order. Raises Problem 422 or 429; the future
        raises Problem 504.

        `client` is whose share of the queue and of the device it uses. `on_progress` is called in
        the running event loop with each example that continues another one. If the future is
        cancelled, texts that have not run yet never do.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        progress = on_progress and partial(_call_in, loop, on_progress)
        deadline = time.monotonic() + seconds
        job = Job(served, client, deadline, list(examples), future, progress)
        batch_time = self._schedule.time_of(served)
        for place, example in enumerate(examples):
            job.add(place, example, job.new, batch_time)
        job.demand.first = job.demand.seconds / max(len(examples), 1)
        with self._waiting:
            self._admission.check_queue(client, job.demand, seconds)
            job.expected_wait = self._limits.expected_wait(client, job.demand)
            self._schedule.begin(job)
            self._metrics.queue_depth.set(self._limits.total.texts)
            self._waiting.notify()
        late = loop.call_later(seconds, self._refuse_late, future, seconds)

        def on_done(_: asyncio.Future[Result]) -> None:
            late.cancel()
            if not job.ended:
                self._drop(job)

        future.add_done_callback(on_done)
        return future

    def close(self) -> None:
        """End the thread after the current batch."""
        with self._waiting:
            self._stopping = True
            self._waiting.notify()
        self._thread.join()

    def _refuse_late(self, future: asyncio.Future[Result], seconds: float) -> None:
        if not future.done():
            future.set_exception(self._admission.late(seconds))

    def _drop(self, job: Job) -> None:
        """End a job before it is finished."""
        with self._waiting:
            self._count_dropped(self._schedule.end(job))
            self._metrics.queue_depth.set(self._limits.total.texts)

    def _count_dropped(self, jobs: int) -> None:
        if jobs:
            self._metrics.rejected.labels("left_or_late").inc(jobs)

    def _work(self) -> None:
        while True:
            with self._waiting:
                while not (self._stopping or self._schedule):
                    self._waiting.wait()
                if self._stopping:
                    return
                began = time.monotonic()
                batch = self._schedule.next_batch()
                self._count_dropped(batch.dropped)
                self._metrics.queue_depth.set(self._limits.total.texts)
            if not batch.parts:
                continue
            try:
                finished = self._run(batch)
            except Exception as error:  # without this thread no request would ever be answered
                logger.exception("a batch of %s failed", batch.served.name)
                jobs = _jobs(batch)
                finished = [job for job in jobs if job.settle(0, error)]
            with self._waiting:
                self._schedule.measure(batch, time.monotonic() - began)
                for job in finished:
                    self._schedule.end(job)
            _complete(finished)

    def _run(self, batch: ScheduledBatch) -> list[Job]:
        """Run a batch, and queue what follows. Returns the jobs whose outcome is known now."""
        served, parts, jobs = batch.served, batch.parts, _jobs(batch)
        predictor = served.predictor
        began = time.monotonic()
        try:
            outputs: list[Any] = predictor.run([window for _, window in parts])
        except Exception:  # caused by one text: the others must not fail with it
            logger.exception("a batch of %s failed; its texts run one by one", served.name)
            outputs = [_or_error(predictor.run, [window]) for _, window in parts]
            outputs = [each if isinstance(each, Exception) else each[0] for each in outputs]
        outcomes = [_outcome(part, each) for part, each in zip(parts, outputs, strict=True)]
        seconds = time.monotonic() - began
        self._observe(batch, jobs, began, seconds)
        continued: list[_Continued] = []
        finished: list[Job] = []
        for (job, window), outcome in zip(parts, outcomes, strict=True):
            if isinstance(outcome, Example):
                continued.append((job, window.place, outcome))
                if job.on_progress is not None and not job.abandoned:
                    job.on_progress(outcome, job.result([]))
            elif outcome is not None and job.settle(window.place, outcome):
                finished.append(job)
        if continued:
            self._continue(continued)
        return finished

    def _continue(self, continued: Sequence[_Continued]) -> None:
        """Queue the next windows of texts, all at once."""
        with self._waiting:
            for job, place, example in continued:
                if not job.abandoned:
                    self._schedule.continue_text(job, place, example)
                elif not job.ended:
                    self._schedule.end(job)
                    self._count_dropped(1)
            self._metrics.queue_depth.set(self._limits.total.texts)

    def _observe(
        self, batch: ScheduledBatch, jobs: Sequence[Job], began: float, seconds: float
    ) -> None:
        name, metrics = batch.served.name, self._metrics
        metrics.inference.labels(name).observe(seconds)
        metrics.batch_rows.labels(name).observe(len(batch.parts))
        metrics.tokens.labels(name).inc(
            sum(len(w) for _, part in batch.parts for w in part.windows)
        )
        queued = metrics.queued.labels(name)
        for job in jobs:
            job.compute += seconds
            queued.observe(began - job.queued)
            job.queued = began + seconds


def _jobs(batch: ScheduledBatch) -> list[Job]:
    return list(dict.fromkeys(job for job, _ in batch.parts))


def _outcome(part: Part, outputs: Any) -> Any:
    """What the outputs of a window make of its text: the answer, the example that continues it, or
    the exception that replaces them; None while other windows of the text are missing."""
    job, window = part
    if isinstance(outputs, Exception):
        return outputs
    whole = job.receive(window, outputs)
    if whole is None:
        return None
    return _or_error(job.served.predictor.outcome, job.examples[window.place], whole)


def _or_error(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a call, or the exception that it raises."""
    try:
        return function(*arguments)
    except Exception as error:
        logger.exception("a text failed")
        return error


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
