"""Generated text in chunks, and responses of server-sent events made of them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from service.errors import Problem, internal_error
from service.inference.context import ServiceContext
from service.inference.jobs import Result
from service.inference.models import ServedModel
from service.inference.pipeline import cancel_on_disconnect, timing_headers
from service.observe.logs import logger
from textrnn.tasks import Answer, Example, StreamExample, StreamTask

DETAILS = ("log_probabilities", "top_log_probabilities", "activations", "prompt")
"""Fields of an answer that hold a value for each character."""
_EVENT = {
    "type": "object",
    "properties": {"data": {"type": "string"}, "event": {"type": "string"}},
    "required": ["data"],
}
EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": _EVENT}}}
}
"""The response of a stream in the OpenAPI document. The schema is that of one event."""


@dataclass(frozen=True)
class StreamChunk:
    index: int
    """Which of the texts it belongs to."""
    text: str
    details: dict[str, Any]
    """The requested details of its characters; in the first chunk those of the prompt, too."""
    result: Result
    """The times so far; in the last chunk of a text also its whole answer."""

    @property
    def last(self) -> bool:
        return bool(self.result.answers)


async def stream_chunks(
    context: ServiceContext, served: ServedModel, examples: Sequence[Example], request: Request
) -> AsyncGenerator[StreamChunk, None]:
    """The chunks of all texts as they are generated, at least one for each text.

    Closing the generator cancels the remaining work after the current chunks. Raises Problem.
    """
    task = served.predictor.task
    assert isinstance(task, StreamTask)
    arrived: asyncio.Queue[tuple[int, Example | None, Any]] = asyncio.Queue()

    def start(index: int, example: Example) -> asyncio.Future[Result]:
        def on_progress(following: Example, result: Result) -> None:
            arrived.put_nowait((index, following, result))

        deadline, client = context.settings.deadline, request.scope["state"]["client"]
        work = context.batcher.submit(served, [example], deadline, client, on_progress)
        work.add_done_callback(lambda work: arrived.put_nowait((index, None, work)))
        return work

    works: list[asyncio.Future[Result]] = []
    sent = [0] * len(examples)
    """Characters of each text that are in earlier chunks."""
    left = len(examples)
    try:
        for index, example in enumerate(examples):
            works.append(start(index, example))
        while left:
            index, following, result = await arrived.get()
            begin = sent[index]
            if following is None:
                left -= 1
                result = result.result()
                (answer,) = result.answers
                yield StreamChunk(index, answer["text"][begin:], _details(answer, begin), result)
                continue
            assert isinstance(following, StreamExample)  # only these continue
            text = following.stable_text
            if len(text) > begin:
                sent[index] = len(text)
                details = task.details(following, begin, len(text))
                yield StreamChunk(index, text[begin:], details, result)
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)


def _details(answer: Answer, begin: int) -> dict[str, Any]:
    """The details of the characters of an answer from `begin` on."""
    details = {name: answer[name] for name in DETAILS if name in answer}
    if not begin:
        return details
    details.pop("prompt", None)
    return {
        name: [cell[begin:] for cell in values] if name == "activations" else values[begin:]
        for name, values in details.items()
    }


async def event_stream_response(
    chunks: AsyncGenerator[StreamChunk, None],
    request: Request,
    events: Callable[[StreamChunk], Iterable[str]],
    error_event: Callable[[Problem], str],
) -> StreamingResponse:
    """A response of the events of each chunk.

    An error before the first chunk is raised, so that the response has its status; a later one
    ends the stream with `error_event`.
    """
    first = await cancel_on_disconnect(asyncio.ensure_future(anext(chunks)), request)
    headers = {**timing_headers(first.result), "cache-control": "no-cache"}
    body = _event_stream(first, chunks, events, error_event)
    return StreamingResponse(body, media_type="text/event-stream", headers=headers)


async def _event_stream(
    first: StreamChunk,
    rest: AsyncGenerator[StreamChunk, None],
    events: Callable[[StreamChunk], Iterable[str]],
    error_event: Callable[[Problem], str],
) -> AsyncIterator[str]:
    try:
        async with contextlib.aclosing(rest):
            for event in events(first):
                yield event
            async for chunk in rest:
                for event in events(chunk):
                    yield event
    except Problem as problem:
        yield error_event(problem)
    except Exception:
        logger.exception("a stream failed")
        yield error_event(internal_error())
