"""The native API."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service import answers, schemas
from service.asking import TheHub, ask, timings
from service.errors import Problem
from service.hub import Hub

router = APIRouter()

ERRORS: dict[int | str, dict[str, Any]] = dict.fromkeys(
    (400, 401, 408, 413, 415, 422, 429, 500, 503, 504), answers.PROBLEM
)
_READ_ERRORS: dict[int | str, dict[str, Any]] = {401: answers.PROBLEM, 404: answers.PROBLEM}


@router.post("/v1/classify", response_model=answers.ClassifyResponse, responses=ERRORS)
async def classify(body: schemas.ClassifyRequest, request: Request, hub: TheHub) -> Response:
    """Label texts, with calibrated probabilities."""
    return await answer(hub, "classify", body, request)


@router.post("/v1/tag", response_model=answers.TagResponse, responses=ERRORS)
async def tag(body: schemas.TagRequest, request: Request, hub: TheHub) -> Response:
    """Find the entities in texts, with their places and probabilities."""
    return await answer(hub, "tag", body, request)


@router.post("/v1/translate", response_model=answers.TranslateResponse, responses=ERRORS)
async def translate(body: schemas.TranslateRequest, request: Request, hub: TheHub) -> Response:
    """Translate texts, sentence by sentence; white space and line breaks stay as they are."""
    languages = (body.source_language, body.target_language)
    return await answer(hub, "translate", body, request, languages)


@router.get("/v1/models", response_model=answers.ModelList, responses=_READ_ERRORS)
async def list_models(hub: TheHub) -> answers.ModelList:
    """The models that are served."""
    return answers.ModelList(data=[hub.card(served) for served in hub.models.values()])


@router.get("/v1/models/{name:path}", response_model=answers.ModelCard, responses=_READ_ERRORS)
async def show_model(name: str, hub: TheHub) -> answers.ModelCard:
    """One model."""
    served = hub.models.get(unquote(name))
    if served is None:
        raise Problem(404, "model_not_found", f"no such model; there are {', '.join(hub.models)}")
    return hub.card(served)


@router.get("/healthz", response_model=answers.Status)
async def healthz() -> answers.Status:
    """Whether the process runs."""
    return answers.Status(status="ok")


@router.get("/readyz", response_model=answers.Status, responses={503: answers.PROBLEM})
async def readyz(hub: TheHub) -> answers.Status:
    """Whether requests are taken: 503 until the models are warm, and while draining."""
    reason = hub.refusal()
    if reason:
        raise Problem(503, "unavailable", reason, headers={"retry-after": "1"})
    return answers.Status(status="ready")


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
    result = await ask(hub, served, body.located(), body.options(), request)
    return JSONResponse({"model": served.name, "results": result.answers}, headers=timings(result))
