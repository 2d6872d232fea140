"""The native API."""

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service import schemas
from service.errors import Problem, invalid_text
from service.hub import Hub
from service.jobs import Result
from service.models import Served
from textrnn.errors import InvalidText
from textrnn.tasks import Example

router = APIRouter()

T = TypeVar("T")
INLINE_CHARACTERS = 4096
"""Texts of fewer characters are tokenised on the event loop: a hop to a thread costs more."""


def hub(request: Request) -> Hub:
    return request.app.state.hub


TheHub = Annotated[Hub, Depends(hub)]
ERRORS: dict[int | str, dict[str, Any]] = dict.fromkeys(
    (400, 401, 408, 413, 415, 422, 429, 500, 503, 504), schemas.PROBLEM
)
_READ_ERRORS: dict[int | str, dict[str, Any]] = {401: schemas.PROBLEM, 404: schemas.PROBLEM}


@router.post("/v1/classify", response_model=schemas.ClassifyResponse, responses=ERRORS)
async def classify(body: schemas.ClassifyRequest, request: Request, hub: TheHub) -> Response:
    """Label texts, with calibrated probabilities."""
    return await answer(hub, "classify", body, request)


@router.post("/v1/tag", response_model=schemas.TagResponse, responses=ERRORS)
async def tag(body: schemas.TagRequest, request: Request, hub: TheHub) -> Response:
    """Find the entities in texts, with their places and probabilities."""
    return await answer(hub, "tag", body, request)


@router.post("/v1/translate", response_model=schemas.TranslateResponse, responses=ERRORS)
async def translate(body: schemas.TranslateRequest, request: Request, hub: TheHub) -> Response:
    """Translate texts, sentence by sentence; white space and line breaks stay as they are."""
    languages = (body.source_language, body.target_language)
    return await answer(hub, "translate", body, request, languages)


@router.get("/v1/models", response_model=schemas.ModelList, responses=_READ_ERRORS)
async def list_models(hub: TheHub) -> schemas.ModelList:
    """The models that are served."""
    return schemas.ModelList(data=[hub.card(served) for served in hub.models.values()])


@router.get("/v1/models/{name:path}", response_model=schemas.ModelCard, responses=_READ_ERRORS)
async def show_model(name: str, hub: TheHub) -> schemas.ModelCard:
    """One model."""
    served = hub.models.get(unquote(name))
    if served is None:
        raise Problem(404, "model_not_found", f"no such model; there are {', '.join(hub.models)}")
    return hub.card(served)


@router.get("/healthz", response_model=schemas.Status)
async def healthz() -> schemas.Status:
    """Whether the process runs."""
    return schemas.Status(status="ok")


@router.get("/readyz", response_model=schemas.Status, responses={503: schemas.PROBLEM})
async def readyz(hub: TheHub) -> schemas.Status:
    """Whether requests are taken: 503 until the models are warm, and while draining."""
    reason = hub.refusal()
    if reason:
        raise Problem(503, "unavailable", reason, headers={"retry-after": "1"})
    return schemas.Status(status="ready")


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(hub: TheHub) -> Response:
    """For Prometheus."""
    return Response(hub.telemetry.render(), media_type=CONTENT_TYPE_LATEST)


async def answer(
    hub: Hub,
    task: str,
    body: schemas.TextsRequest,
    request: Request,
    languages: Sequence[str | None] = (),
) -> JSONResponse:
    """What the routes that take texts have in common. Raises Problem."""
    served = hub.pick(task, body.model, languages)
    located = body.located()
    if len(located) > hub.settings.texts:
        raise Problem(
            422,
            "too_many_texts",
            f"/texts: {len(located)} texts in one request, the limit is {hub.settings.texts}",
            errors=[{
                "pointer": "/texts", "message": "too many texts", "code": "too_many_texts",
                "limit": hub.settings.texts,
            }],
        )  # fmt: skip
    request.state.task, request.state.model = task, served.name
    request.state.texts = len(located)
    options = served.predictor.task.options_type.parse(body.options(), source="options")
    examples = await read(served, located, options)
    result = await run(hub, served, examples, request)
    return JSONResponse({"model": served.name, "results": result.answers}, headers=timings(result))


async def read(served: Served, located: Sequence[tuple[str, str]], options: Any) -> list[Example]:
    """Texts to examples. Raises Problem, which points to the first text that cannot be taken."""

    def all_of_them() -> list[Example]:
        examples = []
        for pointer, text in located:
            try:
                examples.append(served.predictor.task.read({"text": text}, options))
            except InvalidText as error:
                raise invalid_text(error, pointer) from None
        return examples

    if sum(len(text) for _, text in located) < INLINE_CHARACTERS:
        return all_of_them()
    return await asyncio.to_thread(all_of_them)


async def run(hub: Hub, served: Served, examples: list[Example], request: Request) -> Result:
    """The answers; when the client leaves first, the work is dropped."""
    work = hub.batcher.submit(served, examples, hub.settings.deadline)
    return await unless_gone(work, request)


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
