"""Queue limits: texts, tokens and expected waiting time, each shared equally among clients.

A request fits if the whole queue stays within a limit, or if its client stays within an equal share
of it: a client that fills the queue is refused, and the others are not. Since the device serves
clients equally (`fair_queue`), the same is true of waiting: a text waits until everything in the
queue has run or until its client has had its turns, whichever is earlier.
"""

import math
from dataclasses import dataclass, replace

_MAX_RETRY_AFTER = 120
"""Seconds."""
_DEADLINE_PART = 0.8
"""The part of its deadline within which a request must be expected to end."""
_MEMORY = 0.95
"""The weight that the mean request keeps with each later one."""
_MEDIAN_STEP = 0.05
"""By which part the median request changes with each request."""
_QUANTILE = 0.99
"""The part of the requests that are to begin within the time that was expected."""
_STEP = 0.02
"""By which part the correction of expected times changes at most with each request."""
_MAX_CORRECTION = 4.0
_MIN_OBSERVED = 0.1
"""Seconds. Shorter waits depend on when the batch that runs ends."""


@dataclass(slots=True)
class Demand:
    """What requests ask of the device: those of one client, or all."""

    requests: int = 0
    """How many are not finished."""
    texts: float = 0
    """Those that wait, without those that are running."""
    tokens: float = 0
    """The cost of their next windows: tokens times hypotheses."""
    seconds: float = 0.0
    """The expected time of their next windows."""
    first: float = 0.0
    """The expected time of one text of each request. The requests of a client take turns, so that
    another one waits for these, not for all texts."""
    later: float = 0.0
    """The expected time of all windows after those, of generated texts."""

    def add(self, other: "Demand", times: float = 1) -> None:
        self.texts += times * other.texts
        self.tokens += times * other.tokens
        self.seconds += times * other.seconds
        self.first += times * other.first
        self.later += times * other.later


_NOTHING = Demand()


class QueueLimits:
    """The limits of the queue, and what is in it.

    Not thread-safe: changes require the lock of the queue.
    """

    def __init__(self, texts: int, tokens: int, seconds: float):
        self._max_texts = texts
        self.max_tokens = tokens
        self._max_seconds = seconds
        self._mean = Demand(1, 1, 32, 0.0016)
        """The mean request, a moving average."""
        self._median = 0.001
        """The median time of the first text of a request, in seconds. In a mean, the long texts of
        one client would stand for the short ones of others."""
        self._clients: dict[str, Demand] = {}
        """Those with unfinished requests."""
        self._correction = 1.0
        """What expected times are multiplied by."""
        self.total = Demand()
        self.running = 0.0
        """The expected time of the batch that is running."""

    def crowded(self, unread: int = 0) -> bool:
        """Whether one more text might not fit. If not, no client needs to be looked at.

        There are also `unread` requests, which are not tokenised yet and count as the mean one.
        """
        mean, total = self._mean, self.total
        before = total.seconds + unread * mean.seconds
        return (
            total.texts + unread * mean.texts + 1 > self._max_texts
            or total.tokens + unread * mean.tokens + 1 > self.max_tokens
            or self._wait(before, total.later) > self._max_seconds
        )

    def retry_after(self, client: str, unread: int = 0, unread_of_client: int = 0) -> int | None:
        """Seconds after which to try again, from 1 to 120, if a request has no room in the queue;
        None if it has. Its body is not read yet, nor are those of `unread` requests before it, some
        of them of the same client."""
        if not self.crowded(unread):
            return None
        total, own, clients = self._shares(client)
        total.add(self._mean, unread)
        own.add(self._mean, unread_of_client)
        own.first += unread_of_client * self._median
        one_text = Demand(0, 1, 1, self._median, self._median)
        return self._retry_after(total, own, clients, one_text)

    def retry_after_read(self, client: str, demand: Demand, deadline: float) -> int | None:
        """The same for a request that is read, and must end within `deadline` seconds."""
        total = self.total
        end = self._wait(total.seconds + demand.seconds, total.later) + 2 * demand.later
        if (  # what is most often true, and cheap
            total.texts + demand.texts <= self._max_texts
            and total.tokens + demand.tokens <= self.max_tokens
            and end + total.later <= min(self._max_seconds, _DEADLINE_PART * deadline)
        ):
            return None
        total, own, clients = self._shares(client)
        late = self._lateness(total, own, clients, demand, deadline)
        return self._retry_after(total, own, clients, demand, late)

    def expected_wait(self, client: str, demand: Demand) -> float:
        """Seconds until the first text of a request begins."""
        total, own = self.total, self._clients.get(client, _NOTHING)
        clients = len(self._clients) + (own is _NOTHING)
        before = min(total.seconds, clients * (own.first + demand.first))
        return self._wait(before, total.later)

    def observe_wait(self, expected: float, seconds: float) -> None:
        """A request has begun after so many seconds.

        Corrects expected times by stochastic approximation of a quantile (Robbins and Monro 1951):
        batches take texts that came later, hosts have other work, and what is expected of a model
        is old when its texts change.
        """
        if expected < _MIN_OBSERVED:
            return
        late = seconds > expected
        self._correction *= 1 + _STEP * (late - (1 - _QUANTILE))
        self._correction = min(max(self._correction, 1.0), _MAX_CORRECTION)

    def _wait(self, before: float, later: float) -> float:
        """Seconds until what is behind so many seconds of other work begins. Generated texts that
        have begun get half of the device (`schedule`), so all else takes twice as long meanwhile.
        """
        return self._correction * (self.running + before + min(before, later))

    def _shares(self, client: str) -> tuple[Demand, Demand, int]:
        """Copies of what is in the queue and of what of it is of one client, and how many clients
        share it, this one included."""
        own = self._clients.get(client)
        clients = len(self._clients) + (own is None)
        return replace(self.total), replace(own) if own else Demand(), clients

    def _retry_after(
        self, total: Demand, own: Demand, clients: int, demand: Demand, late: float = 0.0
    ) -> int | None:
        texts = min(total.texts + demand.texts, clients * (own.texts + demand.texts))
        tokens = min(total.tokens + demand.tokens, clients * (own.tokens + demand.tokens))
        before = min(total.seconds, clients * (own.first + demand.first))
        wait = self._wait(before, total.later)
        if (
            texts <= self._max_texts
            and tokens <= self.max_tokens
            and wait <= self._max_seconds
            and late <= 0
        ):
            return None
        return min(_MAX_RETRY_AFTER, max(1, math.ceil(max(wait, late))))

    def _lateness(
        self, total: Demand, own: Demand, clients: int, demand: Demand, deadline: float
    ) -> float:
        """Seconds by which a request would end too late because of others."""
        within = _DEADLINE_PART * deadline
        if not total.requests or demand.seconds + demand.later > within:
            return 0.0  # nothing else is there, or it is too long by itself
        before = min(total.seconds + demand.seconds, clients * (own.seconds + demand.seconds))
        end = self._wait(before, total.later)
        if demand.later:
            end = max(end, 2 * (total.later + demand.later))
        return end - within

    def open(self, client: str, demand: Demand) -> None:
        """Count a request of a client, and what it demands."""
        mean = self._mean
        mean.texts += (1 - _MEMORY) * (demand.texts - mean.texts)
        mean.tokens += (1 - _MEMORY) * (demand.tokens - mean.tokens)
        mean.seconds += (1 - _MEMORY) * (demand.seconds - mean.seconds)
        above = demand.first > self._median
        self._median *= 1 + _MEDIAN_STEP if above else 1 / (1 + _MEDIAN_STEP)
        self._clients.setdefault(client, Demand()).requests += 1
        self.total.requests += 1
        self.change(client, demand)

    def change(self, client: str, demand: Demand, times: float = 1) -> None:
        """Add what a client demands, or subtract it with `times` = -1."""
        self._clients[client].add(demand, times)
        self.total.add(demand, times)

    def close(self, client: str) -> None:
        """A request of a client is finished, and demands nothing more."""
        own = self._clients[client]
        own.requests -= 1
        self.total.requests -= 1
        if not own.requests:
            del self._clients[client]
        if not self.total.requests:
            self.total = Demand()  # without what rounding has left
