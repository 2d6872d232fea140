"""HTTP on one connection, with bounds on what a client can hold.

uvicorn's own protocol waits for ever for the head of a request, however long it grows, and for a
client that does not take its answer.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.errors import Problem
from service.transport.error_responses import as_bytes
from service.transport.headers import new_id
from service.transport.load_shedding import LoadShedder

MOST_HEAD = 16_384
"""Bytes of a request's line and headers."""


class Connection(HttpToolsProtocol):
    """Ends a connection on which no request has begun, or nothing of an answer was taken, for
    `patience` seconds."""

    def __init__(self, *arguments: Any, patience: float, load_shedder: LoadShedder, **named: Any):
        super().__init__(*arguments, **named)
        self._patience = patience
        self._load_shedder = load_shedder
        self._shed = False
        """Whether the request that arrives has been refused already."""
        self._idle: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._head = 0
        """Bytes of a head that is not whole yet."""
        self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        if not self._in_body:
            self._head += len(data)
        super().data_received(data)
        if self._head > MOST_HEAD and not self.transport.is_closing():
            self._refuse(_HUGE_HEAD)
        elif not self._under_way:
            self._watch()  # what has come is not the beginning of a request, or not all of it

    def on_headers_complete(self) -> None:
        self._in_body = True
        head = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if head > MOST_HEAD:
            self._head = head
            raise ValueError("huge head")  # makes uvicorn call send_400_response
        self._head = 0
        self._idle = _cancelled(self._idle)
        if not self._refused_at_once():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._shed:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        if not self._shed:
            super().on_message_complete()
        self._shed = False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch()  # until the last of the answer is taken

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self._patience, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled = _cancelled(self._stalled)

    def timeout_keep_alive_handler(self) -> None:
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._idle, self._stalled = _cancelled(self._idle), _cancelled(self._stalled)

    def send_400_response(self, msg: str) -> None:
        self._refuse(_HUGE_HEAD if self._head > MOST_HEAD else _NO_HTTP)

    @property
    def _under_way(self) -> bool:
        """Whether a request has begun that is not answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def _refused_at_once(self) -> bool:
        """Whether what has begun to arrive was answered with a refusal already."""
        parser = self.parser
        assert parser is not None  # it is what calls
        if parser.get_method() != b"POST" or self._under_way:
            return False
        refusal = self._load_shedder.refusal(self.url, self.headers)
        if refusal is None:
            return False
        self._shed = True
        # Who asked whether to send the body might send none, and go on with another request.
        last = self.expect_100_continue or not parser.should_keep_alive()
        self._send(refusal, last)
        if last:
            self.transport.close()
        return True

    def _send(self, answer: bytes, last: bool) -> None:
        """Write an answer that is whole but for what uvicorn adds to each, and to the last one."""
        status, rest = answer.split(b"\r\n", 1)
        headers = [name + b": " + value for name, value in self.server_state.default_headers]
        if last:
            headers.append(b"connection: close")
        self.transport.write(b"\r\n".join([status, *headers, rest]))

    def _watch(self) -> None:
        if self._idle is None:
            self._idle = self.loop.call_later(self._patience, self._end)

    def _end(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # to close would wait for a client that takes nothing
        elif self._head:
            self._refuse(_LATE_HEAD)
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer what is no request, and close. What was asked properly before it is answered."""
        if self._under_way and (self.pipeline or not self._in_body):
            self.cycle.keep_alive = False
            return
        if not (self._under_way and self.cycle.response_started):
            self._send(as_bytes(problem, "/", new_id()), last=True)
        self.transport.close()
        self._watch()


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


_NO_HTTP = Problem(400, "bad_request", "this is not a request in HTTP/1.1")
_LATE_HEAD = Problem(408, "request_timeout", "the head of the request did not arrive in time")
_HUGE_HEAD = Problem(
    431, "head_too_large", f"the request's line and headers are over {MOST_HEAD} bytes, the limit"
)
