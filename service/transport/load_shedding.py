"""Refusals that cost next to nothing, for when there is far more than can be done.

Under ten times the load that a server can carry, nine of ten requests are refused, and what that
takes is taken from the others. So a request that finds the queue full is refused as soon as its
head is there, before its body is read and before a task, a scope or a route is made for it, with
bytes that are made once. Such refusals are counted, and logged together, a line a second.
"""

import asyncio
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

from service.context import ServiceContext
from service.errors import queue_full
from service.observe.logs import say
from service.transport.error_responses import as_bytes
from service.transport.headers import new_id, request_id

_MADE = "0" * 32
"""Stands for an id in what is made once; of the length that ids have."""


class LoadShedder:
    def __init__(self, context: ServiceContext):
        self._context = context
        self._refused = 0
        metrics = context.metrics
        self._counters = (
            metrics.requests.labels("", "", "unmatched", "429"),
            metrics.rejected.labels("queue_full"),
            metrics.by_worker,
        )

    def refusal(self, url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
        """The whole answer to a request for which there is no room, but for its date; None where
        there is room, or the server takes no work at all, which is for others to say."""
        context = self._context
        wait = context.batcher.room.wait(coming=len(context.pacer))
        if wait is None or context.refusal():
            return None
        self._count()
        path = url.partition(b"?")[0]
        given = next((value for name, value in headers if name == b"x-request-id"), None)
        if given is not None:
            return _answer(path, wait, request_id(given.decode("latin-1")))
        return _made(path, wait).replace(_MADE.encode(), new_id().encode())

    def _count(self) -> None:
        if not self._refused:
            asyncio.get_running_loop().call_later(1, self._say)
        self._refused += 1
        for counter in self._counters:
            counter.inc()

    def _say(self) -> None:
        say(f"{self._refused} requests refused in a second: the queue is full")
        self._refused = 0


def _answer(path: bytes, wait: int, id: str) -> bytes:
    return as_bytes(queue_full(wait), unquote(path.decode("ascii", "replace")), id)


@lru_cache(256)
def _made(path: bytes, wait: int) -> bytes:
    return _answer(path, wait, _MADE)
