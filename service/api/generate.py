"""POST /v1/generate: text written on, whole or as server-sent events while it is written."""

import contextlib
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from service.api import requests, responses
from service.api.routes import ERRORS
from service.context import ServiceContext
from service.errors import DEFECT, Problem, invalid_text
from service.inference.jobs import Result
from service.inference.models import ServedModel
from service.inference.pipeline import Context, name, run, timings, unless_gone
from service.inference.streaming import DETAILS, StreamChunk, stream_chunks
from textrnn.errors import InvalidText
from textrnn.tasks import Example

log = logging.getLogger("textrnn.service")
router = APIRouter()

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@router.post(
    "/v1/generate", response_model=responses.GenerateResponse, responses={**ERRORS, **EVENTS}
)
async def generate(body: requests.GenerateRequest, request: Request, context: Context) -> Response:
    """Go on with a text, character by character. With `stream`, pieces come as server-sent events
    while they are written."""
    served = context.pick("generate", body.model)
    name(request, served)
    example = _read(context, served, body)
    if not body.stream:
        result = await run(context, served, [example], request)
        return JSONResponse(_shown(context, served, result), headers=timings(result))
    rest = stream_chunks(context, served, example)
    # What fails before the first piece has a status of its own.
    first = await unless_gone(anext(rest), request)
    return event_stream(_events(context, served, first, rest), first.result)


def _read(context: ServiceContext, served: ServedModel, body: requests.GenerateRequest) -> Example:
    """Raises Problem."""
    task = served.predictor.task
    row = {"prompt": body.prompt}
    if body.state is not None:
        row["state"] = context.state_signer.open(served, body.state)
    options = task.options_type.parse(body.options(), source="options")
    try:
        return task.read(row, options)
    except InvalidText as error:
        raise invalid_text(error, "/prompt") from None


def event_stream(events: AsyncIterator[str], result: Result) -> StreamingResponse:
    headers = {**timings(result), "cache-control": "no-cache"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


def _shown(context: ServiceContext, served: ServedModel, result: Result) -> dict[str, Any]:
    """The answer, with its state sealed."""
    (answer,) = result.answers
    shown = {"model": served.name, "text": answer["text"], "finish_reason": answer["finish_reason"]}
    if answer["unknown_characters"]:
        shown["unknown_characters"] = answer["unknown_characters"]
    shown |= {name: answer[name] for name in DETAILS if name in answer}
    if "state" in answer:
        shown["state"] = context.state_signer.seal(served, answer["state"])
    return shown


async def _events(
    context: ServiceContext,
    served: ServedModel,
    first: StreamChunk,
    rest: AsyncGenerator[StreamChunk, None],
) -> AsyncIterator[str]:
    """Server-sent events:

    data: {"text": " O, that I were a glove", "finish_reason": null}

    data: {"model": "shakespeare", "text": " upon that hand", "finish_reason": "length"}
    """
    chunk = first
    try:
        async with contextlib.aclosing(rest):
            while not chunk.last:
                yield _event({"text": chunk.text, "finish_reason": None, **chunk.details})
                chunk = await anext(rest)
        whole = _shown(context, served, chunk.result)
        about = {name: value for name, value in whole.items() if name not in DETAILS}
        yield _event(about | {"text": chunk.text, **chunk.details})
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
