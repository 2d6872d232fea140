"""Admission control: which requests are served. Every refusal by load or by limits is raised here.

A request is checked three times, each time with what is known by then:

    head     request line and headers    API key, readiness, media type, length of the queue
    body     while it arrives            size, also of what it unpacks to; time
    queue    its texts as tokens         number of texts, tokens, deadline
"""

import asyncio
import zlib
from typing import Any, NoReturn

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from service.auth import ApiKeys
from service.dialect import Dialect
from service.errors import Problem, client_left, queue_full, unauthorized
from service.inference.clients import client_of
from service.inference.pacing import Pacer
from service.inference.queue_limits import Demand, QueueLimits
from service.inference.readiness import Readiness
from service.observe.metrics import ServiceMetrics
from service.settings import Settings

PUBLIC_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that require no API key."""
_GZIP = "gzip"


class Admission:
    def __init__(self, settings: Settings, metrics: ServiceMetrics, readiness: Readiness):
        self._settings = settings
        self._metrics = metrics
        self._readiness = readiness
        self.keys = ApiKeys(settings)
        self.pacer = Pacer()
        self.limits = QueueLimits(
            settings.queue_rows, settings.queue_tokens, settings.queue_seconds
        )

    def client(self, address: tuple[str, int] | None, headers: Headers) -> str:
        """Whose share of the queue and of the device a request uses."""
        return client_of(address, headers, self.keys)

    @property
    def crowded(self) -> bool:
        """Whether the queue might have no room for some request."""
        return self.limits.crowded(len(self.pacer.beginning))

    def retry_after(self, client: str) -> int | None:
        """Seconds after which to try again if the queue has no room for another request of a
        client, or would make it wait too long; else None. Known from the head alone.

        None also if the server takes no requests, for which there is another refusal.
        """
        unread, of_client = len(self.pacer.beginning), self.pacer.unread[client]
        retry = self.limits.retry_after(client, unread, of_client)
        return retry if retry is None or self._readiness.accepting else None

    def check_credentials(self, path: str, headers: Headers, dialect: Dialect) -> bool:
        """Whether the headers hold a valid API key, or the server requires none. Without one only
        requests pass that need no key, or whose key may be in the body.

        Raises Problem 401.
        """
        has_key = self.keys.accept_headers(headers)
        if not (has_key or dialect.key_in_body or path in PUBLIC_PATHS):
            if path == "/":  # the playground: the browser asks its user
                raise unauthorized(
                    "this server requires an API key: enter it as the password, with any user name",
                    'Basic realm="textrnn", charset="UTF-8"',
                )
            raise unauthorized()
        return has_key

    def check_head(self, headers: Headers, dialect: Dialect, client: str) -> None:
        """Check what else is known from the head of a request that runs a model.

        Raises Problem 415, 429 or 503.
        """
        if not self._readiness.accepting:
            self._metrics.rejected.labels("not_ready").inc()
            self._readiness.check()
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in dialect.content_types:
            types = " or ".join(sorted(dialect.content_types))
            raise Problem(415, "unsupported_media_type", f"send content-type: {types}")
        retry = self.retry_after(client)
        if retry is not None:
            self._refuse_full(retry)

    def check_key(self, key: str) -> None:
        """Check an API key from the body. Raises Problem 401."""
        if not self.keys.accept(key):
            raise unauthorized()

    async def read_body(self, headers: Headers, receive: Receive) -> Receive:
        """Read the whole body, unpack it if it is packed with gzip, and return what delivers it to
        the application as one message.

        Raises Problem 408, 413, 415, 422, or 499 if the client leaves.
        """
        # The rest of a body that is too large is skipped: closing the connection would reset it
        # for a client that is still sending, most often before it has read the response.
        max_bytes = self._settings.body_bytes
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > max_bytes:
            raise _body_too_large(max_bytes)
        gzip = _unpacker(headers)
        body, received = bytearray(), 0
        try:
            async with asyncio.timeout(self._settings.body_timeout):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise client_left()
                    part = message.get("body", b"")
                    received += len(part)
                    # No more is unpacked than shows that the body is too large.
                    body += gzip.decompress(part, max_bytes + 1 - len(body)) if gzip else part
                    if max(len(body), received) > max_bytes:
                        raise _body_too_large(max_bytes)
                    more = message.get("more_body", False)
        except zlib.error:
            raise _invalid_gzip() from None
        except TimeoutError:
            raise Problem(
                408,
                "request_timeout",
                "the body did not arrive in time",
                headers={"connection": "close"},
            ) from None
        if gzip and received and (not gzip.eof or gzip.unused_data):
            raise _invalid_gzip()
        whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replay() -> Message:
            return whole.pop() if whole else await receive()

        return replay

    def check_texts(self, count: int, pointer: str = "") -> None:
        """Check the number of texts of a request, to which `pointer` leads. Raises Problem 422."""
        limit = self._settings.texts
        if count <= limit:
            return
        code, detail = "too_many_texts", f"{count} texts in one request, the limit is {limit}"
        if not pointer:
            raise Problem(422, code, detail)
        error = {"pointer": pointer, "message": "too many texts", "code": code, "limit": limit}
        raise Problem(422, code, f"{pointer}: {detail}", errors=[error])

    def check_queue(self, client: str, demand: Demand, deadline: float) -> None:
        """Check whether the queue has room for a request of a client that is tokenised, and is to
        be answered within `deadline` seconds. Requires the lock of the queue.

        Raises Problem 422 or 429.
        """
        limits = self.limits
        if demand.tokens > limits.max_tokens:
            raise Problem(
                422,
                "too_many_tokens",
                f"the texts of this request have {demand.tokens} tokens together, the limit is "
                f"{limits.max_tokens}; send fewer texts in a request",
            )
        retry = limits.retry_after_read(client, demand, deadline)
        if retry is not None:
            self._refuse_full(retry)

    def late(self, seconds: float) -> Problem:
        """504 for a request that was not answered within so many seconds."""
        detail = f"no answer within the deadline of {seconds:g} s; try again later"
        return Problem(504, "deadline", detail)

    def _refuse_full(self, retry_after: int) -> NoReturn:
        self._metrics.rejected.labels("queue_full").inc()
        raise queue_full(retry_after)


def _body_too_large(limit: int) -> Problem:
    return Problem(
        413,
        "body_too_large",
        f"the body is larger than {limit} bytes, the limit, packed or unpacked; send fewer or "
        "shorter texts",
    )


def _unpacker(headers: Headers) -> Any:
    """What decompresses the body, None if it is not packed. Raises Problem 415."""
    encoding = ", ".join(headers.getlist("content-encoding")).strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding != _GZIP:
        raise Problem(
            415,
            "unsupported_content_encoding",
            f"send the body with content-encoding: {_GZIP}, or without this header",
            headers={"accept-encoding": _GZIP},
        )
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # with a header of gzip


def _invalid_gzip() -> Problem:
    return Problem(422, "invalid_request", "the body is not valid gzip, or incomplete")
