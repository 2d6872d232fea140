"""Every refusal in the form of the API that was asked."""

from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.dialects.huggingface import routes as huggingface
from service.dialects.libretranslate import routes as libretranslate
from service.dialects.openai import routes as openai
from service.errors import DEFECT, Problem, document, invalid_request
from service.transport.headers import GUARDS

DIALECTS = (huggingface, openai, libretranslate)


def respond(problem: Problem, path: str, request_id: str) -> JSONResponse:
    for dialect in DIALECTS:
        if dialect.speaks(path):
            status, body, headers = dialect.refusal(problem)
            return JSONResponse(body, status, headers={**problem.headers, **headers})
    return document(problem, path, request_id)


def as_bytes(problem: Problem, path: str, id: str) -> bytes:
    """A whole answer but for its date, for where there is no application to send one."""
    response = respond(problem, path, id)
    response.headers["x-request-id"] = id
    for name, value in GUARDS.items():
        response.headers.setdefault(name, value)
    lines = [name + b": " + value for name, value in response.raw_headers]
    head = b"\r\n".join([*lines, b"", bytes(response.body)])
    return STATUS_LINE[problem.status] + head


async def on_problem(request: Request, problem: Problem) -> JSONResponse:
    return respond(problem, request.url.path, request.state.request_id)


async def on_defect(request: Request, _: Exception) -> JSONResponse:
    return await on_problem(request, DEFECT)


async def on_http_exception(request: Request, error: HTTPException) -> JSONResponse:
    """404, 405 and the like, as the router raises them."""
    if error.status_code == 400:  # what no JSON parser gets through
        return await on_problem(request, Problem(422, "invalid_request", "the body is not JSON"))
    code = HTTPStatus(error.status_code).name.lower()
    detail = {
        404: "there is nothing at this path; see /docs for what there is",
        405: "this path does not take this method; see /docs",
    }.get(error.status_code, HTTPStatus(error.status_code).phrase)
    problem = Problem(error.status_code, code, detail, headers=dict(error.headers or {}))
    return await on_problem(request, problem)


async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    faults = [{**fault, "loc": fault["loc"][1:]} for fault in error.errors()]
    return await on_problem(request, invalid_request(faults))
