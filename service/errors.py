"""Errors as `application/problem+json` (RFC 9457). No error repeats a text that a client sent."""

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
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


DEFECT = Problem(500, "internal", "the server failed on this request; it is in its log")
"""Says nothing of what went wrong: that is in the log."""


def invalid_text(error: InvalidText, pointer: str) -> Problem:
    """422 for one text of a request."""
    entry: dict[str, Any] = {"pointer": pointer, "message": str(error), "code": error.code}
    if error.limit is not None:
        entry["limit"] = error.limit
    return Problem(422, error.code, f"{pointer}: {error}", errors=[entry])


def respond(problem: Problem, path: str, request_id: str) -> JSONResponse:
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


async def on_problem(request: Request, problem: Problem) -> JSONResponse:
    return respond(problem, request.url.path, request.state.request_id)


async def on_defect(request: Request, _: Exception) -> JSONResponse:
    return respond(DEFECT, request.url.path, request.state.request_id)


async def on_http_exception(request: Request, error: HTTPException) -> JSONResponse:
    """404, 405 and the like, as the router raises them."""
    if error.status_code == 400:  # what no JSON parser gets through
        problem = Problem(422, "invalid_request", "the body is not JSON")
        return respond(problem, request.url.path, request.state.request_id)
    code = HTTPStatus(error.status_code).name.lower()
    detail = {
        404: "there is nothing at this path; see /docs for what there is",
        405: "this path does not take this method; see /docs",
    }.get(error.status_code, HTTPStatus(error.status_code).phrase)
    problem = Problem(error.status_code, code, detail, headers=dict(error.headers or {}))
    return respond(problem, request.url.path, request.state.request_id)


async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    """422 with a JSON pointer to each fault. What the client sent is not repeated."""
    entries = [
        {
            "pointer": _pointer(fault["loc"]),
            "message": fault["msg"].removeprefix("Value error, "),
            "code": fault["type"],
        }
        for fault in error.errors()[:20]
    ]
    shown = "; ".join(f"{entry['pointer'] or 'body'}: {entry['message']}" for entry in entries)
    problem = Problem(422, "invalid_request", shown, errors=jsonable_encoder(entries))
    return respond(problem, request.url.path, request.state.request_id)


def _pointer(location: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901) into the body. Keys are the client's: cut short, and made safe."""
    parts = [part for part in location[1:] if part != "__root__"]
    safe = (str(part)[:40].encode("ascii", "replace").decode() for part in parts)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in safe)
