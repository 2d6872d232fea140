"""The middleware around the application: what every request and every response passes.

`RequestMiddleware` is the outermost: a request gets an id, a response gets its headers, and the
request is counted and logged. `AdmissionMiddleware` lets requests pass to the routes. Between them
is that of CORS, since pages of other origins are to read refusals, too.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.dialect import Dialect, dialect_of
from service.errors import Problem, not_found
from service.inference.admission import PUBLIC_PATHS, Admission
from service.inference.readiness import Readiness
from service.observe.logs import log_request, logger
from service.observe.metrics import ServiceMetrics
from service.transport.headers import SECURITY_HEADERS, request_id
from service.transport.routes import Match, RouteTable

_SECURITY_HEADERS = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


class RequestMiddleware:
    def __init__(
        self, app: ASGIApp, routes: RouteTable, readiness: Readiness, metrics: ServiceMetrics
    ):
        self._app = app
        self._routes = routes
        self._readiness = readiness
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "neither web sockets nor events of the lifespan are on"
        began = time.monotonic()
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        id = state["request_id"] = request_id(headers.get("x-request-id", ""))
        match: Match | None = self._routes.find(scope["path"])
        state["match"] = match
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
            elif scope["method"] == "HEAD":
                message["body"] = b""
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:  # the application has sent a response
            logger.exception("request %s failed", id)
        finally:
            route = match.resource.path if match else "unmatched"
            self._observe(scope, route, status, time.monotonic() - began, sent)

    def _observe(
        self, scope: Scope, route: str, status: int, seconds: float, sent: Mapping[bytes, bytes]
    ) -> None:
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


class AdmissionMiddleware:
    """Checks, in this order, the API key, the path, the method, the rest of the head and the body.
    HEAD reaches the routes as GET, and OPTIONS is answered here."""

    def __init__(
        self, app: ASGIApp, routes: RouteTable, admission: Admission, dialects: Sequence[Dialect]
    ):
        self._app = app
        self._routes = routes
        self._admission = admission
        self._dialects = dialects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        dialect = dialect_of(path, self._dialects)
        app = self._app
        try:
            headers = Headers(scope=scope)
            client = self._admission.client(scope.get("client"), headers)
            scope["state"]["client"] = client
            has_key = self._admission.check_credentials(path, headers, dialect)
            scope["state"]["has_key"] = has_key
            match: Match | None = scope["state"]["match"]
            if match is None:
                app = self._redirect(scope)
            elif scope["method"] not in match.resource.methods:
                raise _method_not_allowed(match.resource.allow)
            elif scope["method"] == "OPTIONS":
                app = Response(status_code=204, headers={"allow": match.resource.allow})
            elif scope["method"] == "POST":
                self._admission.check_head(headers, dialect, client)
                receive = await self._admission.read_body(headers, receive)
                await self._admission.pacer.begin(client)
            else:
                if dialect.key_in_body:
                    receive = await self._admission.read_body(headers, receive)
                scope = {**scope, "method": "GET"}
        except Problem as problem:
            app = dialect.error_response(problem, path, scope["state"]["request_id"])
        await app(scope, receive, send)

    def _redirect(self, scope: Scope) -> Response:
        """To the path without a slash at its end. The location is relative, since behind a proxy
        this server knows neither its host nor the beginning of its paths.

        Raises Problem 404 if there is nothing, either.
        """
        path = scope["path"].removesuffix("/")
        if self._routes.find(path) is None:
            raise not_found()
        query = scope["query_string"].decode("latin-1")
        location = f"../{quote(path.rpartition('/')[2], safe='')}{'?' * bool(query)}{query}"
        return Response(status_code=307, headers={"location": location})


def _method_not_allowed(allow: str) -> Problem:
    detail = f"this path takes the methods {allow}"
    return Problem(405, "method_not_allowed", detail, headers={"allow": allow})
