"""What runs next: the batches that form from the queue."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from service.inference.batch_time import BatchTime
from service.inference.fair_queue import FairQueue
from service.inference.jobs import Job, QueuedWindow
from service.inference.models import ServedModel
from service.inference.queue_limits import QueueLimits
from textrnn.tasks import Example

BATCH_SECONDS = 0.5
"""The expected time of the longest batch of several windows. Nothing interrupts a batch, so all
that arrives waits for the one that runs; longer batches take hardly less time per token."""

Part = tuple[Job, QueuedWindow]
"""A window in a batch, and the job it belongs to."""
_Waiting = tuple[Job, deque[QueuedWindow]]
"""A job, and those of its windows that wait in one queue."""


@dataclass
class ScheduledBatch:
    """Windows of one model that run together."""

    parts: list[Part] = field(default_factory=list)
    tokens: int = 0
    of_begun: float = 0.0
    """The part of it that are texts that had begun."""
    dropped: int = 0
    """Jobs that were dropped while the batch was formed: their client has left, or their deadline
    has passed."""

    @property
    def served(self) -> ServedModel:
        return self.parts[0][0].served


@dataclass
class _Half:
    """A queue that shares the device with another one."""

    queue: FairQueue[_Waiting] = field(default_factory=FairQueue)
    used: float = 0.0
    """Seconds of the device that it has used."""


class Schedule:
    """The order in which windows run.

    Texts that have not begun, and generated texts that have, wait in two queues, each fair among
    clients, that use the device equally while both have work. So a text that has begun is not
    delayed by how many wait to begin, and what is new not by how many are being written. A batch
    begins with what is first in the queue that has used less; the rest of it comes from the same
    model, first of this queue and then of the other.

    Not thread-safe: all but `time_of` requires the lock of the queue.
    """

    def __init__(self, limits: QueueLimits, clock: Callable[[], float] = time.monotonic):
        self._limits = limits
        self._clock = clock
        self._times: dict[str, BatchTime] = {}
        self._new, self._begun = _Half(), _Half()

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._new.queue or self._begun.queue)

    def time_of(self, served: ServedModel) -> BatchTime:
        """The expected times of batches of a model, whose name is that of the model it replaces."""
        found = self._times.get(served.name)
        if found is None:
            limits = served.predictor.task.limits
            made = BatchTime(limits.rows, limits.tokens * limits.width)
            found = self._times.setdefault(served.name, made)
        return found

    def begin(self, job: Job) -> None:
        """Queue the texts of a new job, whose windows are already in it."""
        self._limits.open(job.client, job.demand)
        self._push(self._new, job, job.new)

    def continue_text(self, job: Job, place: int, example: Example) -> None:
        """Queue the next windows of a text that has begun."""
        waits = bool(job.begun)
        more = job.add(place, example, job.begun, self.time_of(job.served))
        self._limits.change(job.client, more)
        if not waits:
            self._push(self._begun, job, job.begun)

    def end(self, job: Job) -> bool:
        """A job is finished, or is to be dropped. Returns whether it was unfinished."""
        if job.ended:
            return False
        job.ended = True
        unfinished = job.unfinished
        job.new.clear()
        job.begun.clear()
        self._limits.change(job.client, job.demand, -1)
        self._limits.close(job.client)
        return unfinished

    def next_batch(self) -> ScheduledBatch:
        """Remove windows of one model that fill a batch from the queue; none if all that were first
        have been dropped."""
        half, other = self._halves()
        lane = half.queue.next_lane()
        batch = ScheduledBatch()
        windows = [self._fill(batch, each, lane) for each in (half, other)]
        if batch.parts:
            batch.of_begun = windows[half is not self._begun] / len(batch.parts)
            self._limits.running = self.time_of(batch.served).batch(batch.tokens)
        return batch

    def measure(self, batch: ScheduledBatch, seconds: float) -> None:
        """A batch has run for so long."""
        self.time_of(batch.served).observe(batch.tokens, seconds)
        self._begun.used += batch.of_begun * seconds
        self._new.used += (1 - batch.of_begun) * seconds
        self._limits.running = 0.0

    def _push(self, half: _Half, job: Job, waiting: deque[QueuedWindow]) -> None:
        half.queue.push(job.served.name, job.client, waiting[0].seconds, (job, waiting))

    def _halves(self) -> tuple[_Half, _Half]:
        """The queue that is next, and the other one. A queue that had no work does not make up for
        it afterwards."""
        new, begun = self._new, self._begun
        if not begun.queue:
            begun.used = max(begun.used, new.used)
            return new, begun
        if not new.queue:
            new.used = max(new.used, begun.used)
            return begun, new
        return (new, begun) if new.used <= begun.used else (begun, new)

    def _fill(self, batch: ScheduledBatch, half: _Half, lane: str) -> int:
        """Add windows of a lane to a batch until it is full. Returns how many were added."""
        queue, before, used = half.queue, len(batch.parts), 0.0
        clients = queue.clients
        while (first := queue.first(lane)) is not None:
            job, waiting = first
            if job.abandoned:
                batch.dropped += self.end(job)
            if not waiting:
                queue.pop(lane)
                continue
            if batch.parts and not self._takes(batch, job, waiting[0]):
                break
            if job.started is None:
                job.started = self._clock()
                self._limits.observe_wait(job.expected_wait, job.started - job.submitted)
            window, less = job.take(waiting)
            self._limits.change(job.client, less, -1)
            batch.parts.append((job, window))
            batch.tokens += window.tokens
            used += window.seconds
            if waiting:
                queue.move(lane, waiting[0].seconds)
            else:
                queue.pop(lane)
        queue.advance(used, clients)
        return len(batch.parts) - before

    def _takes(self, batch: ScheduledBatch, job: Job, window: QueuedWindow) -> bool:
        """Whether there is room for a window in a batch that has some."""
        limits, tokens = job.served.predictor.task.limits, batch.tokens + window.tokens
        return (
            job.served is batch.served  # not the one that replaces it
            and len(batch.parts) < limits.rows
            and tokens <= limits.tokens * limits.width
            and self.time_of(job.served).batch(tokens) <= BATCH_SECONDS
        )
