"""Text piece by piece, as it is written."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from service.hub import Hub
from service.jobs import Result
from service.models import Served
from textrnn.tasks import Answer, Example

DETAILS = ("log_probabilities", "top_log_probabilities", "activations", "prompt")
"""Of an answer, what is told of its characters."""


@dataclass(frozen=True)
class Piece:
    text: str
    details: dict[str, Any]
    """What was asked to be seen of its characters; with the first piece of the prompt's, too."""
    result: Result
    """So far. With the last piece it has the whole answer."""

    @property
    def last(self) -> bool:
        return bool(self.result.answers)


async def pieces(hub: Hub, served: Served, example: Example) -> AsyncGenerator[Piece, None]:
    """At least one piece. Whoever closes this ends the work with the piece that it is on."""
    arrived: asyncio.Queue[tuple[Example, Result] | None] = asyncio.Queue()
    work = asyncio.ensure_future(
        hub.batcher.submit(
            served,
            [example],
            hub.settings.deadline,
            lambda then, result: arrived.put_nowait((then, result)),
        )
    )
    work.add_done_callback(lambda _: arrived.put_nowait(None))
    told = 0
    try:
        while (news := await arrived.get()) is not None:
            then, result = news
            written = then.written
            if len(written) > told:
                details = served.predictor.task.details(then, told, len(written))
                yield Piece(written[told:], details, result)
                told = len(written)
        result = await work
        (answer,) = result.answers
        yield Piece(answer["text"][told:], _details_from(answer, told), result)
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
