"""From texts to answers: the steps that the routes of all dialects share."""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse

from service.errors import client_left, invalid_text
from service.inference.context import ServiceContext
from service.inference.jobs import Result
from service.inference.models import ServedModel
from textrnn.errors import InvalidText
from textrnn.tasks import Example

_T = TypeVar("_T")
INLINE_CHARACTERS = 4096
"""Texts with fewer characters are tokenised on the event loop, as a thread would cost more."""

LocatedTexts = Sequence[tuple[str, str]]
"""Texts, each with the JSON pointer to its place in the request."""
LocatedRows = Sequence[tuple[str, dict[str, str]]]
"""Rows whose fields are texts, likewise."""


async def infer_texts(
    context: ServiceContext,
    served: ServedModel,
    located: LocatedTexts,
    options: dict[str, Any],
    request: Request,
) -> Result:
    """The answers to texts, in their order. Raises Problem."""
    return await infer_rows(context, served, _rows(served, located), options, request)


async def infer_rows(
    context: ServiceContext,
    served: ServedModel,
    located: LocatedRows,
    options: dict[str, Any],
    request: Request,
) -> Result:
    """The answers to rows whose fields are texts, in their order. Raises Problem."""
    context.admission.check_texts(len(located), located[0][0].rpartition("/")[0])
    label_request(request, served, len(located))
    parsed = served.predictor.task.options_type.parse(options, source="options")
    if sum(len(text) for _, row in located for text in row.values()) < INLINE_CHARACTERS:
        examples = tokenize_rows(served, located, parsed)
    else:
        examples = await asyncio.to_thread(tokenize_rows, served, located, parsed)
    return await infer_examples(context, served, examples, request)


async def infer_examples(
    context: ServiceContext, served: ServedModel, examples: list[Example], request: Request
) -> Result:
    """The answers to examples, in their order. If the client leaves, the work is cancelled.

    Raises Problem.
    """
    deadline, client = context.settings.deadline, request.scope["state"]["client"]
    work = context.batcher.submit(served, examples, deadline, client)
    result = await cancel_on_disconnect(work, request)
    pacer = context.admission.pacer
    await pacer.turn(pacer.ending)
    return result


def tokenize_texts(served: ServedModel, located: LocatedTexts, options: Any) -> list[Example]:
    """Tokenise texts. Raises Problem 422 that points to the first text that is invalid."""
    return tokenize_rows(served, _rows(served, located), options)


def tokenize_rows(served: ServedModel, located: LocatedRows, options: Any) -> list[Example]:
    """Tokenise rows. Raises Problem 422 that points to the first row that is invalid."""
    task, examples = served.predictor.task, []
    for pointer, row in located:
        try:
            examples.append(task.read(row, options))
        except InvalidText as error:
            raise invalid_text(error, pointer) from None
    return examples


def _rows(served: ServedModel, located: LocatedTexts) -> LocatedRows:
    return [(pointer, {served.predictor.task.input: text}) for pointer, text in located]


def label_request(request: Request, served: ServedModel, texts: int = 1) -> None:
    """Record the model and the number of texts of a request, for the log and the metrics."""
    state = request.scope["state"]
    state["task"], state["model"], state["texts"] = served.info.task, served.name, texts


async def cancel_on_disconnect(work: asyncio.Future[_T], request: Request) -> _T:
    """The result of some work, which is cancelled if the client leaves. Raises Problem 499 then."""
    leaving = asyncio.ensure_future(_disconnected(request))
    leaving.add_done_callback(lambda _: work.cancel())  # of finished work this does nothing
    try:
        return await work
    except asyncio.CancelledError:
        if leaving.done():
            raise client_left() from None
        raise
    finally:
        leaving.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


_JSON = TypeAdapter(Any)


class AnswerResponse(JSONResponse):
    """A response of plain JSON values, which it turns into bytes faster than `json` does."""

    def render(self, content: Any) -> bytes:
        return _JSON.dump_json(content)


def timing_headers(result: Result) -> dict[str, str]:
    """Milliseconds in the queue and on the device."""
    return {
        "x-queue-time": f"{result.queue_seconds * 1e3:.1f}",
        "x-inference-time": f"{result.compute_seconds * 1e3:.1f}",
    }
