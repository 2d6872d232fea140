"""From texts to answers: what the routes of all dialects have in common."""

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from service.context import ServiceContext
from service.errors import Problem, invalid_text
from service.inference.jobs import Result
from service.inference.models import ServedModel
from textrnn.errors import InvalidText
from textrnn.tasks import Example

T = TypeVar("T")
INLINE_CHARACTERS = 4096
"""Texts of fewer characters are tokenised on the event loop: a hop to a thread costs more."""

LocatedTexts = Sequence[tuple[str, str]]
"""Texts, each with the JSON pointer to where it was in the request."""


async def context(request: Request) -> ServiceContext:
    """A coroutine, since FastAPI calls anything else in a thread."""
    return request.app.state.context


Context = Annotated[ServiceContext, Depends(context)]


async def ask(
    context: ServiceContext,
    served: ServedModel,
    located: LocatedTexts,
    options: dict[str, Any],
    request: Request,
) -> Result:
    """The answers to texts, in their order. Raises Problem."""
    if len(located) > context.settings.texts:
        pointer = located[0][0].rpartition("/")[0]
        raise Problem(
            422,
            "too_many_texts",
            f"{pointer}: {len(located)} texts in one request, the limit is "
            f"{context.settings.texts}",
            errors=[{
                "pointer": pointer, "message": "too many texts", "code": "too_many_texts",
                "limit": context.settings.texts,
            }],
        )  # fmt: skip
    name(request, served, len(located))
    asked = served.predictor.task.options_type.parse(options, source="options")
    return await run(context, served, await read(served, located, asked), request)


def name(request: Request, served: ServedModel, texts: int = 1) -> None:
    """Say in log and metrics which model a request is for, and of how many texts."""
    request.state.task, request.state.model = served.info.task, served.name
    request.state.texts = texts


async def read(served: ServedModel, located: LocatedTexts, options: Any) -> list[Example]:
    """Texts to examples. Raises Problem, which points to the first text that cannot be taken."""

    def all_of_them() -> list[Example]:
        examples = []
        for pointer, text in located:
            try:
                task = served.predictor.task
                examples.append(task.read({task.input: text}, options))
            except InvalidText as error:
                raise invalid_text(error, pointer) from None
        return examples

    if sum(len(text) for _, text in located) < INLINE_CHARACTERS:
        return all_of_them()
    return await asyncio.to_thread(all_of_them)


async def run(
    context: ServiceContext, served: ServedModel, examples: list[Example], request: Request
) -> Result:
    """The answers; when the client leaves first, the work is dropped."""
    work = context.batcher.submit(served, examples, context.settings.deadline)
    result = await unless_gone(work, request)
    await context.pacer.end()
    return result


async def unless_gone(awaited: Awaitable[T], request: Request) -> T:
    """Wait, and stop waiting when the client leaves. Raises Problem 499."""
    work = asyncio.ensure_future(awaited)
    leaving = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Problem(499, "client_left", "the client left")
        return work.result()
    finally:
        for task in (work, leaving):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def timings(result: Result) -> dict[str, str]:
    """Milliseconds spent waiting for the device, and on it."""
    return {
        "x-queue-time": f"{result.queue_seconds * 1e3:.1f}",
        "x-inference-time": f"{result.compute_seconds * 1e3:.1f}",
    }
