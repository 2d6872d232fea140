"""HTTP/1.1 as uvicorn reads it, but bounded before there is a request.

What comes before a body, the request line and headers, is kept in memory until it is whole. uvicorn
bounds neither its size nor how long a client may take for it.
"""

import asyncio
import uuid

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.errors import Problem, respond

HEAD_BYTES = 65_536
HEAD_SECONDS = 30.0


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections that send no whole head in time, or a larger one than is taken."""

    _head: int | None = None
    """Bytes of the head that is arriving; None while none is."""
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_SECONDS, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self._refuse()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        if self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self._close)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is not None:  # what comes behind a body is of no use
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head = None
        self._stop_waiting()
        super().on_headers_complete()

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self) -> None:
        problem = Problem(
            431,
            "head_too_large",
            f"the request line and headers are larger than {HEAD_BYTES} bytes, the limit",
            headers={"connection": "close"},
        )
        answer = respond(problem, "", uuid.uuid4().hex)
        lines = [b"HTTP/1.1 431 Request Header Fields Too Large"]
        lines += [name + b": " + value for name, value in answer.raw_headers]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(answer.body)]))
        self._close()

    def _close(self) -> None:
        self._stop_waiting()
        self._head = None
        self.transport.close()
