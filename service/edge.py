"""What every request passes before its route, and every answer after it.

An id, readiness, the key, the type and size of the body on the way in; headers, metrics and the
log on the way out. A body is counted while it arrives, and parsed only when it is whole.
"""

import asyncio
import hmac
import logging
import re
import time
import uuid
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Problem, respond
from service.settings import Settings
from service.telemetry import Telemetry
from service.turns import Turns

log = logging.getLogger("textrnn.service")

OPEN = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that ask for no key."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Edge:
    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        telemetry: Telemetry,
        refusal: Callable[[], str | None],
        check_room: Callable[[int], None],
    ):
        """`refusal` says why no work is taken at present, or None; `check_room` raises Problem
        where so many texts more would not fit into the queue."""
        self._app = app
        self._settings = settings
        self._telemetry = telemetry
        self._refusal = refusal
        self._check_room = check_room
        self._turns = Turns()
        self._keys = [key.get_secret_value().encode() for key in settings.api_keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began = time.monotonic()
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = MutableHeaders(scope=message)
                sent["x-request-id"] = request_id
                if self._refusal():  # ask elsewhere, and on a connection that outlives this server
                    sent["connection"] = "close"
            await send(message)

        try:
            self._admit(scope, headers)
            if scope["method"] == "POST":
                receive = await self._body(headers, receive)
                await self._turns.take()
            await self._app(scope, receive, answer)
        except Problem as problem:
            await respond(problem, scope["path"], request_id)(scope, receive, answer)
        except _Left:
            status = 499
        except Exception:  # answered already, as service/errors.py says
            log.exception("request %s failed", request_id)
        finally:
            self._observe(scope, status, time.monotonic() - began)

    def _admit(self, scope: Scope, headers: Headers) -> None:
        """Raises Problem for a request that needs a key and has none, or for work that cannot be
        done now."""
        if self._keys and scope["path"] not in OPEN and scope["method"] != "OPTIONS":
            given = headers.get("x-api-key") or headers.get("authorization", "")
            key = given.removeprefix("Bearer ").encode("utf-8", "replace")
            if not sum(hmac.compare_digest(key, known) for known in self._keys):  # all are compared
                raise Problem(
                    401,
                    "unauthorized",
                    "this server asks for a key: send Authorization: Bearer KEY, or X-API-Key",
                    headers={"www-authenticate": "Bearer"},
                )
        if scope["method"] != "POST":
            return
        reason = self._refusal()
        if reason:
            self._telemetry.rejected.labels("not_ready").inc()
            raise Problem(503, "unavailable", reason, headers={"retry-after": "1"})
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Problem(415, "unsupported_media_type", "send content-type: application/json")
        # Before the body is read: time spent on what is then refused is taken from the others.
        self._check_room(1 + len(self._turns))

    async def _body(self, headers: Headers, receive: Receive) -> Receive:
        """Read the whole body, within its limits, and hand it on as one message."""
        most = self._settings.body_bytes
        too_large = Problem(
            413,
            "body_too_large",
            f"the body is larger than {most} bytes, the limit; send fewer or shorter texts",
            headers={"connection": "close"},
        )
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > most:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self._settings.body_timeout):
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

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        state = scope["state"]
        task, model = state.get("task", ""), state.get("model", "")
        self._telemetry.requests.labels(task, model, route, str(status)).inc()
        self._telemetry.duration.labels(route).observe(seconds)
        log.debug(
            "%s %s %d %.1f ms %s", scope["method"], route, status, seconds * 1e3,
            state["request_id"],
        )  # fmt: skip


class _Left(Exception):
    """The client went away before its request was whole."""
