"""Errors as `application/problem+json` (RFC 9457). No error repeats a text that a client sent."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError
from starlette.responses import JSONResponse

from textrnn.errors import InvalidText

_LISTED_FAULTS = 20
"""Faults of a request that its error lists."""
_COUNTED_FAULTS = 1000
"""Faults of a request from which on its error only counts them: to describe each takes memory and
time, and a body of a megabyte can have several hundred thousand."""
_CLIENT_CLOSED_REQUEST = 499
"""For metrics and the log: the client closed the connection before the response."""


class Problem(Exception):
    """A refused request: its HTTP status, a stable code, and a message for people.

    An instance is raised once: raised again it would keep the frames of every earlier raise.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        headers: dict[str, str] | None = None,
        errors: list[dict[str, Any]] | None = None,
    ):
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.errors = errors


def unauthorized(
    detail: str = "this server requires an API key: send Authorization: Bearer KEY, or X-API-Key",
    challenge: str = "Bearer",
) -> Problem:
    """401 with a challenge for the WWW-Authenticate header."""
    return Problem(401, "unauthorized", detail, headers={"www-authenticate": challenge})


def queue_full(wait: int) -> Problem:
    """429: the client may try again after `wait` seconds."""
    return Problem(
        429,
        "queue_full",
        f"the queue is full; try again in {wait} s",
        headers={"retry-after": str(wait)},
    )


def not_found() -> Problem:
    """404 for a path at which there is nothing."""
    return Problem(404, "not_found", "there is nothing at this path; see /docs for all paths")


def client_left() -> Problem:
    """499: the client does not receive this response."""
    return Problem(_CLIENT_CLOSED_REQUEST, "client_left", "the client closed the connection")


def internal_error() -> Problem:
    """500 without the cause, which is in the log."""
    return Problem(500, "internal", "the server failed on this request; the cause is in its log")


def unavailable(detail: str) -> Problem:
    """503: the client may try again in a second."""
    return Problem(503, "unavailable", detail, headers={"retry-after": "1"})


def invalid_text(error: InvalidText, pointer: str) -> Problem:
    """422 for one text of a request, with the JSON pointer to it or to the option at fault."""
    if error.option is not None:
        pointer = f"/{error.option}"
    entry: dict[str, Any] = {"pointer": pointer, "message": str(error), "code": error.code}
    if error.limit is not None:
        entry["limit"] = error.limit
    return Problem(422, error.code, f"{pointer}: {error}", errors=[entry])


def invalid_request(error: ValidationError, within: tuple[int | str, ...] = ()) -> Problem:
    """422 with a JSON pointer to each error that pydantic reports at `within` in the body. Values
    from the request are left out."""
    if error.error_count() > _COUNTED_FAULTS:
        detail = f"the request has {error.error_count()} invalid values or fields; see /docs"
        return Problem(422, "invalid_request", detail)
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return invalid_fields([{**fault, "loc": (*within, *fault["loc"])} for fault in faults])


def invalid_fields(faults: Sequence[Any]) -> Problem:
    """422 for faults in pydantic's form."""
    entries = [
        {
            "pointer": _pointer(fault["loc"]),
            "message": _MESSAGES.get(fault["type"], fault["msg"].removeprefix("Value error, ")),
            "code": fault["type"],
        }
        for fault in faults[:_LISTED_FAULTS]
    ]
    shown = "; ".join(f"{entry['pointer'] or 'body'}: {entry['message']}" for entry in entries)
    return Problem(422, "invalid_request", shown, errors=entries)


_MESSAGES = {"extra_forbidden": "there is no such field", "model_type": "must be a JSON object"}
"""Instead of pydantic's, which speak of Python."""


def problem_document(problem: Problem, path: str, request_id: str) -> JSONResponse:
    """A problem as `application/problem+json`, the form of the native API."""
    left = problem.status == _CLIENT_CLOSED_REQUEST
    body = {
        "type": f"urn:textrnn:error:{problem.code}",
        "title": "Client Closed Request" if left else HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": quote(path[:100]),
        "error": problem.detail,
        "code": problem.code,
        "request_id": request_id,
    }
    if problem.errors is not None:
        body["errors"] = problem.errors
    return JSONResponse(
        body, problem.status, headers=problem.headers, media_type="application/problem+json"
    )


def _pointer(location: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901) into the body. Keys come from the client, so they are truncated and
    reduced to ASCII."""
    safe = (str(part)[:40].encode("ascii", "replace").decode() for part in location)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in safe)
