"""HTTP on one connection, with limits on the time and memory that a client can hold.

uvicorn's own protocol waits without limit for the head of a request, however long it grows, and for
a client that does not read its response.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.errors import Problem, problem_document
from service.transport.error_responses import response_bytes
from service.transport.headers import request_id
from service.transport.load_shedding import LoadShedder

MAX_HEAD = 16_384
"""Bytes of the request line and headers together."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """Closes a connection on which for `patience` seconds no request has begun, or the client has
    read nothing of a response."""

    def __init__(self, *arguments: Any, patience: float, load_shedder: LoadShedder, **named: Any):
        super().__init__(*arguments, **named)
        self._patience = patience
        self._load_shedder = load_shedder
        self._shed = False
        """Whether the current request was refused by load shedding."""
        self._idle: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._head = 0
        """Bytes of an incomplete head."""
        self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        if not self._in_body:
            self._head += len(data)
        super().data_received(data)
        if self._head > MAX_HEAD and not self.transport.is_closing():
            self._refuse(_huge_head())
        elif not self._in_progress:
            self._start_timer()  # the data is no complete head

    def on_headers_complete(self) -> None:
        self._in_body = True
        head = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if head > MAX_HEAD:
            self._head = head
            raise ValueError("huge head")  # makes uvicorn call send_400_response
        self._head = 0
        self._idle = _cancelled(self._idle)
        if not self._shed_load():
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
            self._start_timer()  # until the client has read the response

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
        self._refuse(_huge_head() if self._head > MAX_HEAD else _invalid_http())

    @property
    def _in_progress(self) -> bool:
        """Whether a request has begun and its response is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def _shed_load(self) -> bool:
        """Refuse the request that has begun if the queue is full. Returns whether it did."""
        parser = self.parser
        assert parser is not None  # it calls this
        if parser.get_method() != b"POST" or self._in_progress:
            return False
        refusal = self._load_shedder.refusal(self.url, self.headers, self.client)
        if refusal is None:
            return False
        self._shed = True
        # A client that waits for "100 Continue" may skip the body and send another request.
        last = self.expect_100_continue or not parser.should_keep_alive()
        self._send(refusal, last)
        if last:
            self.transport.close()
        return True

    def _send(self, response: bytes, last: bool) -> None:
        """Write a response, with the headers that uvicorn adds to each, and to the last one."""
        status, rest = response.split(b"\r\n", 1)
        headers = [name + b": " + value for name, value in self.server_state.default_headers]
        if last:
            headers.append(b"connection: close")
        self.transport.write(b"\r\n".join([status, *headers, rest]))

    def _start_timer(self) -> None:
        if self._idle is None:
            self._idle = self.loop.call_later(self._patience, self._end)

    def _end(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # closing would wait for a client that reads nothing
        elif self._head:
            self._refuse(_late_head())
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer an invalid request, and close. Valid requests before it are answered first."""
        if self._in_progress and (self.pipeline or not self._in_body):
            self.cycle.keep_alive = False
            return
        if not (self._in_progress and self.cycle.response_started):
            id = request_id()
            self._send(response_bytes(problem_document(problem, "/", id), id), last=True)
        self.transport.close()
        self._start_timer()


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def _invalid_http() -> Problem:
    return Problem(400, "bad_request", "this is not a valid HTTP/1.1 request")


def _late_head() -> Problem:
    detail = "the request line and headers did not arrive in time"
    return Problem(408, "request_timeout", detail)


def _huge_head() -> Problem:
    detail = f"the request line and headers are larger than {MAX_HEAD} bytes, the limit"
    return Problem(431, "head_too_large", detail)
