"""Text piece by piece, as it is written."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from service.context import ServiceContext
from service.inference.jobs import Result
from service.inference.models import ServedModel
from textrnn.tasks import Answer, Example, StreamExample, StreamTask

DETAILS = ("log_probabilities", "top_log_probabilities", "activations", "prompt")
"""Of an answer, what is told of its characters."""


@dataclass(frozen=True)
class StreamChunk:
    text: str
    details: dict[str, Any]
    """What was asked to be seen of its characters; with the first piece of the prompt's, too."""
    result: Result
    """So far. With the last piece it has the whole answer."""

    @property
    def last(self) -> bool:
        return bool(self.result.answers)


async def stream_chunks(
    context: ServiceContext, served: ServedModel, example: Example
) -> AsyncGenerator[StreamChunk, None]:
    """At least one piece. Whoever closes this ends the work with the piece that it is on."""
    arrived: asyncio.Queue[tuple[Example, Result] | None] = asyncio.Queue()
    work = asyncio.ensure_future(
        context.batcher.submit(
            served,
            [example],
            context.settings.deadline,
            lambda then, result: arrived.put_nowait((then, result)),
        )
    )
    work.add_done_callback(lambda _: arrived.put_nowait(None))
    task, told = served.predictor.task, 0
    try:
        while (news := await arrived.get()) is not None:
            then, result = news
            assert isinstance(then, StreamExample)
            assert isinstance(task, StreamTask)
            written = then.stable_text
            if len(written) > told:
                details = task.details(then, told, len(written))
                yield StreamChunk(written[told:], details, result)
                told = len(written)
        result = await work
        (answer,) = result.answers
        yield StreamChunk(answer["text"][told:], _details_from(answer, told), result)
    finally:
        work.cancel()


def _details_from(answer: Answer, start: int) -> dict[str, Any]:
    """The details of an answer, of its characters from `start` on."""
    found = {name: answer[name] for name in DETAILS if name in answer}
    if not start:
        return found
    found.pop("prompt", None)
    return {
        name: [cell[start:] for cell in values] if name == "activations" else values[start:]
        for name, values in found.items()
    }
