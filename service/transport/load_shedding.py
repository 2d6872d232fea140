"""Load shedding: refusals that cost next to nothing.

At ten times the load that a server can carry, nine of ten requests are refused, and the time that
takes is lost for the others. So a request that finds the queue full is refused as soon as its head
is there, before its body is read and before a task, a scope or a route is created for it, with a
response that is rendered once. These refusals are counted, and logged together once a second.
"""

import asyncio
from collections.abc import Sequence
from functools import lru_cache, partial
from urllib.parse import unquote

from starlette.datastructures import Headers

from service.dialect import Dialect, dialect_of
from service.errors import queue_full
from service.inference.admission import Admission
from service.observe.logs import logger
from service.observe.metrics import ServiceMetrics
from service.transport.error_responses import response_bytes
from service.transport.headers import request_id

_PLACEHOLDER = b"0" * 32
"""Stands for the request id in a rendered response, and has the length of one."""


class LoadShedder:
    def __init__(self, admission: Admission, metrics: ServiceMetrics, dialects: Sequence[Dialect]):
        self._admission = admission
        self._dialects = dialects
        self._refused = 0
        self._with_placeholder = lru_cache(256)(partial(self._render, id=_PLACEHOLDER.decode()))
        self._counters = (
            metrics.requests.labels("", "", "unmatched", "429"),
            metrics.rejected.labels("queue_full"),
            metrics.by_worker,
        )

    def refusal(
        self, url: bytes, headers: list[tuple[bytes, bytes]], address: tuple[str, int] | None
    ) -> bytes | None:
        """The whole response but for its date if the queue has no room for the client, else None.
        `address` is that of the other end of the connection."""
        admission = self._admission
        if not admission.crowded:
            return None
        retry = admission.retry_after(admission.client(address, Headers(raw=headers)))
        if retry is None:
            return None
        self._count()
        path = url.partition(b"?")[0]
        sent = next((value for name, value in headers if name == b"x-request-id"), None)
        if sent is not None:
            return self._render(path, retry, request_id(sent.decode("latin-1")))
        return self._with_placeholder(path, retry).replace(_PLACEHOLDER, request_id().encode())

    def _count(self) -> None:
        if not self._refused:
            asyncio.get_running_loop().call_later(1, self._log)
        self._refused += 1
        for counter in self._counters:
            counter.inc()

    def _log(self) -> None:
        logger.info("%d requests refused in a second: the queue is full", self._refused)
        self._refused = 0

    def _render(self, path: bytes, retry: int, id: str) -> bytes:
        plain = unquote(path.decode("ascii", "replace"))
        respond = dialect_of(plain, self._dialects).error_response
        return response_bytes(respond(queue_full(retry), plain, id), id)
