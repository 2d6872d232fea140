"""What every request passes before its route, and every answer after it.

An id, readiness, the key, the type and size of the body on the way in; headers, metrics and the
log on the way out. A body is counted while it arrives, and parsed only when it is whole.
"""

import asyncio
import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.auth import sent
from service.context import ServiceContext
from service.dialects.libretranslate import routes as libretranslate
from service.errors import NO_KEY, Problem
from service.observe.logs import log_request
from service.transport.error_responses import respond
from service.transport.headers import GUARDS, request_id

log = logging.getLogger("textrnn.service")

OPEN = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that ask for no key."""
KEY_IN_BODY = libretranslate.PATHS
"""Paths whose routes look for a key themselves, since clients send it in the body."""
ASK_PERSON = Problem(
    401, "unauthorized", "this server asks for a key: give it as the password, with any name",
    headers={"www-authenticate": 'Basic realm="textrnn", charset="UTF-8"'},
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "OPTIONS")
"""Methods that a route may have; no other comes near one."""


class RequestMiddleware:
    def __init__(self, app: ASGIApp, context: ServiceContext):
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began = time.monotonic()
        headers = Headers(scope=scope)
        id = request_id(headers.get("x-request-id", ""))
        state = scope.setdefault("state", {})
        state["request_id"] = id
        status = 0
        answered = MutableHeaders()

        async def answer(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = MutableHeaders(scope=message)
                answered["x-request-id"] = id
                for name, value in GUARDS.items():
                    answered.setdefault(name, value)
                if self._context.refusal():  # ask elsewhere: this connection will not last
                    answered["connection"] = "close"
            await send(message)

        try:
            _check_method(scope["method"])
            self._admit(scope, headers)
            has_body = scope["method"] == "POST" or scope["path"] in KEY_IN_BODY
            if has_body:
                receive = await self._body(headers, receive)
            if scope["method"] == "POST":
                await self._context.pacer.begin()
            await self._app(scope, receive, answer)
        except Problem as problem:
            await respond(problem, scope["path"], id)(scope, receive, answer)
        except _Left:
            status = 499
        except Exception:  # answered already, as service/errors.py says
            log.exception("request %s failed", id)
        finally:
            self._observe(scope, status, time.monotonic() - began, answered)

    def _admit(self, scope: Scope, headers: Headers) -> None:
        """Raises Problem for a request that needs a key and has none, or for work that cannot be
        done now."""
        path = scope["path"]
        known = self._context.keys.open_to(sent(headers))
        scope["state"]["key_known"] = known
        if not known and path not in OPEN | KEY_IN_BODY and scope["method"] != "OPTIONS":
            # A browser at the page asks the person in front of it.
            raise ASK_PERSON if path == "/" else NO_KEY
        if scope["method"] != "POST":
            return
        reason = self._context.refusal()
        if reason:
            self._context.metrics.rejected.labels("not_ready").inc()
            raise Problem(503, "unavailable", reason, headers={"retry-after": "1"})
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not (path in KEY_IN_BODY and kind == libretranslate.FORM):
            raise Problem(415, "unsupported_media_type", "send content-type: application/json")

    async def _body(self, headers: Headers, receive: Receive) -> Receive:
        """Read the whole body, within its limits, and hand it on as one message."""
        most = self._context.settings.body_bytes
        # What still comes of it is passed over: to close meanwhile would reset the connection of
        # who sends, most often before the answer is read.
        too_large = Problem(
            413,
            "body_too_large",
            f"the body is larger than {most} bytes, the limit; send fewer or shorter texts",
        )
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > most:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self._context.settings.body_timeout):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Left
                    body += message.get("body", b"")
                    if len(body) > most:
                        raise too_large
                    more = message.get("more_body", False)
        except TimeoutError:
            raise Problem(
                408, "request_timeout", "the body did not arrive in time",
                headers={"connection": "close"},
            ) from None  # fmt: skip
        whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replay() -> Message:
            return whole.pop() if whole else await receive()

        return replay

    def _observe(self, scope: Scope, status: int, seconds: float, answered: Headers) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        state = scope["state"]
        task, model = state.get("task", ""), state.get("model", "")
        self._context.metrics.requests.labels(task, model, route, str(status)).inc()
        self._context.metrics.duration.labels(route).observe(seconds)
        if route not in OPEN:
            self._context.metrics.by_worker.inc()
        log_request(
            logging.DEBUG if route in OPEN else logging.INFO,
            request_id=state["request_id"],
            method=scope["method"],
            route=route,
            status=status,
            duration_ms=round(seconds * 1e3, 1),
            queue_ms=_milliseconds(answered.get("x-queue-time")),
            inference_ms=_milliseconds(answered.get("x-inference-time")),
            task=task or None,
            model=model or None,
            texts=state.get("texts"),
        )


def _check_method(method: str) -> None:
    """Raises Problem."""
    if method not in METHODS:
        allow = ", ".join(METHODS)
        raise Problem(
            405, "method_not_allowed", f"this server takes {allow} alone", headers={"allow": allow}
        )


def _milliseconds(header: str | None) -> float | None:
    return None if header is None else float(header)


class _Left(Exception):
    """The client went away before its request was whole."""
