"""POST /v1/generate: text written on, whole or as server-sent events while it is written."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from service import schemas
from service.errors import DEFECT, Problem, invalid_text
from service.hub import Hub
from service.jobs import Result
from service.models import Served
from service.routes import ERRORS, TheHub, run, timings, unless_gone
from textrnn.errors import InvalidText
from textrnn.tasks import Example

log = logging.getLogger("textrnn.service")
router = APIRouter()

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@router.post(
    "/v1/generate", response_model=schemas.GenerateResponse, responses={**ERRORS, **_EVENTS}
)
async def generate(body: schemas.GenerateRequest, request: Request, hub: TheHub) -> Response:
    """Go on with a text, character by character. With `stream`, pieces come as server-sent events
    while they are written."""
    served = hub.pick("generate", body.model)
    request.state.task, request.state.model = "generate", served.name
    example = _read(hub, served, body)
    if not body.stream:
        result = await run(hub, served, [example], request)
        return JSONResponse(_shown(hub, served, result), headers=timings(result))
    pieces = _pieces(hub, served, example)
    # What fails before the first piece has a status of its own.
    first = await unless_gone(anext(pieces), request)
    headers = {**timings(first[1]), "cache-control": "no-cache"}
    events = _events(hub, served, first, pieces)
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


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


def _shown(hub: Hub, served: Served, result: Result) -> dict[str, Any]:
    """The answer, with its state sealed."""
    (answer,) = result.answers
    shown = {"model": served.name, "text": answer["text"], "finish_reason": answer["finish_reason"]}
    if answer["unknown_characters"]:
        shown["unknown_characters"] = answer["unknown_characters"]
    if "state" in answer:
        shown["state"] = hub.states.seal(served, answer["state"])
    return shown


async def _pieces(
    hub: Hub, served: Served, example: Example
) -> AsyncGenerator[tuple[str, Result], None]:
    """What is written, as it is written, each piece with the result so far; the last piece has the
    whole result. Whoever closes this ends the work with the piece that it is on."""
    arrived: asyncio.Queue[tuple[str, Result] | None] = asyncio.Queue()
    work = asyncio.ensure_future(
        hub.batcher.submit(
            served,
            [example],
            hub.settings.deadline,
            lambda then, result: arrived.put_nowait((then.written, result)),
        )
    )
    work.add_done_callback(lambda _: arrived.put_nowait(None))
    told = 0
    try:
        while (news := await arrived.get()) is not None:
            written, result = news
            if len(written) > told:
                yield written[told:], result
                told = len(written)
        result = await work
        yield result.answers[0]["text"][told:], result
    finally:
        work.cancel()


async def _events(
    hub: Hub,
    served: Served,
    first: tuple[str, Result],
    pieces: AsyncGenerator[tuple[str, Result], None],
) -> AsyncIterator[str]:
    """Server-sent events:

    data: {"text": " O, that I were a glove", "finish_reason": null}

    data: {"model": "shakespeare", "text": " upon that hand", "finish_reason": "length"}
    """
    piece, result = first
    try:
        async with contextlib.aclosing(pieces):
            while not result.answers:
                yield _event({"text": piece, "finish_reason": None})
                piece, result = await anext(pieces)
        yield _event(_shown(hub, served, result) | {"text": piece})
    except Exception as error:  # the status has been sent: all that is left is to say so
        if not isinstance(error, Problem):
            log.exception("a stream of %s failed", served.name)
            error = DEFECT
        yield "event: error\n" + _event({"error": error.detail, "code": error.code})


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
