"""The middleware around the application: what every request and every response passes.

On the way in, a request gets an id, and admission checks its head and its body. On the way out, a
response gets its headers, and the request is counted and logged.
"""

import logging
import time
from collections.abc import Mapping, Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.dialect import Dialect, dialect_of
from service.errors import Problem
from service.inference.admission import PUBLIC_PATHS, Admission
from service.inference.readiness import Readiness
from service.observe.logs import log_request, logger
from service.observe.metrics import ServiceMetrics
from service.transport.headers import SECURITY_HEADERS, request_id

_SECURITY_HEADERS = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


class RequestMiddleware:
    def __init__(
        self,
        app: ASGIApp,
        admission: Admission,
        readiness: Readiness,
        metrics: ServiceMetrics,
        dialects: Sequence[Dialect],
    ):
        self._app = app
        self._admission = admission
        self._readiness = readiness
        self._metrics = metrics
        self._dialects = dialects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began = time.monotonic()
        headers = Headers(scope=scope)
        method, path = scope["method"], scope["path"]
        state = scope.setdefault("state", {})
        id = state["request_id"] = request_id(headers.get("x-request-id", ""))
        dialect = dialect_of(path, self._dialects)
        client = state["client"] = self._admission.client(scope.get("client"), headers)
        status = 0
        sent: dict[bytes, bytes] = {}

        async def send_with_headers(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = dict(message["headers"])
                added = [pair for pair in _SECURITY_HEADERS if pair[0] not in sent]
                added.append((b"x-request-id", id.encode()))
                if (
                    not self._readiness.accepting and b"connection" not in sent
                ):  # the client is to connect to another server
                    added.append((b"connection", b"close"))
                message["headers"] = [*message["headers"], *added]
            await send(message)

        try:
            state["has_key"] = self._admission.check_head(method, path, headers, dialect, client)
            if method == "POST" or dialect.key_in_body:
                receive = await self._admission.read_body(headers, receive)
            if method == "POST":
                await self._admission.pacer.begin(client)
            await self._app(scope, receive, send_with_headers)
        except Problem as problem:
            response = dialect.error_response(problem, path, id)
            await response(scope, receive, send_with_headers)
        except Exception:  # the application has sent a response
            logger.exception("request %s failed", id)
        finally:
            self._observe(scope, status, time.monotonic() - began, sent)

    def _observe(
        self, scope: Scope, status: int, seconds: float, sent: Mapping[bytes, bytes]
    ) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        public = route in PUBLIC_PATHS
        state = scope["state"]
        task, model = state.get("task", ""), state.get("model", "")
        self._metrics.requests.labels(task, model, route, str(status)).inc()
        self._metrics.duration.labels(route).observe(seconds)
        if not public:
            self._metrics.by_worker.inc()
        queue_ms, inference_ms = sent.get(b"x-queue-time"), sent.get(b"x-inference-time")
        log_request(
            logging.DEBUG if public else logging.INFO,
            request_id=state["request_id"],
            method=scope["method"],
            route=route,
            status=status,
            duration_ms=round(seconds * 1e3, 1),
            queue_ms=queue_ms and float(queue_ms),
            inference_ms=inference_ms and float(inference_ms),
            task=task or None,
            model=model or None,
            texts=state.get("texts"),
        )
