"""Errors in the form of the dialect to which the path belongs."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.dialect import Dialect, dialect_of
from service.errors import Problem, internal_error, invalid_fields, not_found
from service.transport.headers import SECURITY_HEADERS


def add_error_handlers(app: FastAPI, dialects: Sequence[Dialect]) -> None:
    """Answer all that routes and the router raise in the form of the dialect."""

    def handler(
        problem_of: Callable[[Any], Problem],
    ) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
        async def handle(request: Request, error: Exception) -> JSONResponse:
            path = request.url.path
            respond = dialect_of(path, dialects).error_response
            return respond(problem_of(error), path, request.state.request_id)

        return handle

    app.add_exception_handler(Problem, handler(lambda problem: problem))
    app.add_exception_handler(HTTPException, handler(_routing_problem))
    app.add_exception_handler(RequestValidationError, handler(_validation_problem))
    app.add_exception_handler(Exception, handler(lambda _: internal_error()))


def _routing_problem(error: HTTPException) -> Problem:
    """What a route raises as an exception of Starlette."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return not_found()
    status = HTTPStatus(error.status_code)
    return Problem(status, status.name.lower(), status.phrase, headers=dict(error.headers or {}))


def _validation_problem(error: RequestValidationError) -> Problem:
    return invalid_fields([{**fault, "loc": fault["loc"][1:]} for fault in error.errors()])


def response_bytes(response: JSONResponse, request_id: str) -> bytes:
    """A whole response but for its date, for where there is no application to send it."""
    response.headers["x-request-id"] = request_id
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    lines = [name + b": " + value for name, value in response.raw_headers]
    head = b"\r\n".join([*lines, b"", bytes(response.body)])
    return STATUS_LINE[response.status_code] + head
