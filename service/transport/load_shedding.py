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

from prometheus_client import Counter
from starlette.datastructures import Headers

from service.dialect import Dialect, dialect_of
from service.errors import queue_full
from service.inference.admission import Admission
from service.observe.logs import logger
from service.observe.metrics import ServiceMetrics
from service.transport.cors import cors_headers
from service.transport.error_responses import response_bytes
from service.transport.headers import request_id
from service.transport.routes import RouteTable, dialect_routes

_PLACEHOLDER = b"0" * 32
"""Stands for the request id in a rendered response, and has the length of one."""


class LoadShedder:
    def __init__(
        self,
        admission: Admission,
        metrics: ServiceMetrics,
        dialects: Sequence[Dialect],
        origins: Sequence[str],
    ):
        """`origins` are those whose pages may read responses."""
        self._admission = admission
        self._metrics = metrics
        self._dialects = dialects
        self._origins = origins
        self._routes = RouteTable(dialect_routes(dialects))
        self._refused = 0
        self._with_placeholder = lru_cache(256)(partial(self._render, id=_PLACEHOLDER.decode()))
        self._requests_to = lru_cache(256)(self._counter)
        self._counters = (metrics.rejected.labels("queue_full"), metrics.by_worker)

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
        path = unquote(url.partition(b"?")[0].decode("ascii", "replace"))
        self._count(path)
        sent = dict(headers)
        origin = sent.get(b"origin", b"").decode("latin-1") if self._origins else ""
        id = sent.get(b"x-request-id")
        if id is not None:
            return self._render(path, retry, origin, request_id(id.decode("latin-1")))
        rendered = self._with_placeholder(path, retry, origin)
        return rendered.replace(_PLACEHOLDER, request_id().encode())

    def _count(self, path: str) -> None:
        if not self._refused:
            asyncio.get_running_loop().call_later(1, self._log)
        self._refused += 1
        for counter in (self._requests_to(path), *self._counters):
            counter.inc()

    def _counter(self, path: str) -> Counter:
        match = self._routes.find(path)
        route = match.resource.path if match else "unmatched"
        return self._metrics.requests.labels("", "", route, "429")

    def _log(self) -> None:
        logger.info("%d requests refused in a second: the queue is full", self._refused)
        self._refused = 0

    def _render(self, path: str, retry: int, origin: str, id: str) -> bytes:
        response = dialect_of(path, self._dialects).error_response(queue_full(retry), path, id)
        response.headers.update(cors_headers(self._origins, origin))
        return response_bytes(response, id)
