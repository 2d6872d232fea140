"""POST /v1/generate: text written on, whole or as server-sent events while it is written."""

import contextlib
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from service import answers, schemas
from service.asking import TheHub, name, run, timings, unless_gone
from service.errors import DEFECT, Problem, invalid_text
from service.hub import Hub
from service.jobs import Result
from service.models import Served
from service.pieces import DETAILS, Piece, pieces
from service.routes import ERRORS
from textrnn.errors import InvalidText
from textrnn.tasks import Example

log = logging.getLogger("textrnn.service")
router = APIRouter()

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@router.post(
    "/v1/generate", response_model=answers.GenerateResponse, responses={**ERRORS, **EVENTS}
)
async def generate(body: schemas.GenerateRequest, request: Request, hub: TheHub) -> Response:
    """Go on with a text, character by character. With `stream`, pieces come as server-sent events
    while they are written."""
    served = hub.pick("generate", body.model)
    name(request, served)
    example = _read(hub, served, body)
    if not body.stream:
        result = await run(hub, served, [example], request)
        return JSONResponse(_shown(hub, served, result), headers=timings(result))
    rest = pieces(hub, served, example)
    # What fails before the first piece has a status of its own.
    first = await unless_gone(anext(rest), request)
    return event_stream(_events(hub, served, first, rest), first.result)


def _read(hub: Hub, served: Served, body: schemas.GenerateRequest) -> Example:
    """Raises Problem."""
    task = served.predictor.task
    row = {"prompt": body.prompt}
    if body.state is not None:
        row["state"] = hub.states.open(served, body.state)
    options = task.options_type.parse(body.options(), source="options")
    try:
        return task.read(row, options)
    except InvalidText as error:
        raise invalid_text(error, "/prompt") from None


def event_stream(events: AsyncIterator[str], result: Result) -> StreamingResponse:
    headers = {**timings(result), "cache-control": "no-cache"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


def _shown(hub: Hub, served: Served, result: Result) -> dict[str, Any]:
    """The answer, with its state sealed."""
    (answer,) = result.answers
    shown = {"model": served.name, "text": answer["text"], "finish_reason": answer["finish_reason"]}
    if answer["unknown_characters"]:
        shown["unknown_characters"] = answer["unknown_characters"]
    shown |= {name: answer[name] for name in DETAILS if name in answer}
    if "state" in answer:
        shown["state"] = hub.states.seal(served, answer["state"])
    return shown


async def _events(
    hub: Hub, served: Served, first: Piece, rest: AsyncGenerator[Piece, None]
) -> AsyncIterator[str]:
    """Server-sent events:

    data: {"text": " O, that I were a glove", "finish_reason": null}

    data: {"model": "shakespeare", "text": " upon that hand", "finish_reason": "length"}
    """
    piece = first
    try:
        async with contextlib.aclosing(rest):
            while not piece.last:
                yield _event({"text": piece.text, "finish_reason": None, **piece.details})
                piece = await anext(rest)
        whole = _shown(hub, served, piece.result)
        about = {name: value for name, value in whole.items() if name not in DETAILS}
        yield _event(about | {"text": piece.text, **piece.details})
    except Exception as error:  # the status has been sent: all that is left is to say so
        problem = in_stream(error)
        yield "event: error\n" + _event({"error": problem.detail, "code": problem.code})


def in_stream(error: Exception) -> Problem:
    """What to say of an error behind the first piece."""
    if isinstance(error, Problem):
        return error
    log.error("a stream failed", exc_info=error)
    return DEFECT


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
