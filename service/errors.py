"""Errors as `application/problem+json` (RFC 9457). No error repeats a text that a client sent."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.responses import JSONResponse

from textrnn.errors import InvalidText


class Problem(Exception):
    """A request that is refused, and why."""

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


NO_KEY = Problem(
    401,
    "unauthorized",
    "this server asks for a key: send Authorization: Bearer KEY, or X-API-Key",
    headers={"www-authenticate": "Bearer"},
)
DEFECT = Problem(500, "internal", "the server failed on this request; it is in its log")
"""Says nothing of what went wrong: that is in the log."""


def queue_full(wait: int) -> Problem:
    """429; to try again in so many seconds."""
    return Problem(
        429,
        "queue_full",
        f"the queue is full; try again in {wait} s",
        headers={"retry-after": str(wait)},
    )


def invalid_text(error: InvalidText, pointer: str) -> Problem:
    """422 for one text of a request."""
    entry: dict[str, Any] = {"pointer": pointer, "message": str(error), "code": error.code}
    if error.limit is not None:
        entry["limit"] = error.limit
    return Problem(422, error.code, f"{pointer}: {error}", errors=[entry])


def document(problem: Problem, path: str, request_id: str) -> JSONResponse:
    body = {
        "type": f"urn:textrnn:error:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": quote(path[:200]),
        "error": problem.detail,
        "code": problem.code,
        "request_id": request_id,
    }
    if problem.errors is not None:
        body["errors"] = problem.errors
    return JSONResponse(
        body, problem.status, headers=problem.headers, media_type="application/problem+json"
    )


def invalid_request(faults: Sequence[Any], within: tuple[int | str, ...] = ()) -> Problem:
    """422 with a JSON pointer to each fault that pydantic found `within` the body. What the client
    sent is not repeated."""
    entries = [
        {
            "pointer": _pointer((*within, *fault["loc"])),
            "message": fault["msg"].removeprefix("Value error, "),
            "code": fault["type"],
        }
        for fault in faults[:20]
    ]
    shown = "; ".join(f"{entry['pointer'] or 'body'}: {entry['message']}" for entry in entries)
    return Problem(422, "invalid_request", shown, errors=entries)


def _pointer(location: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901) into the body. Keys are the client's: cut short, and made safe."""
    safe = (str(part)[:40].encode("ascii", "replace").decode() for part in location)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in safe)
