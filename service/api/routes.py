"""The native API."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.api import requests, responses
from service.context import ServiceContext
from service.errors import Problem
from service.inference.pipeline import Context, ask, timings

router = APIRouter()

ERRORS: dict[int | str, dict[str, Any]] = dict.fromkeys(
    (400, 401, 408, 413, 415, 422, 429, 500, 503, 504), responses.PROBLEM
)
_READ_ERRORS: dict[int | str, dict[str, Any]] = {401: responses.PROBLEM, 404: responses.PROBLEM}


@router.post("/v1/classify", response_model=responses.ClassifyResponse, responses=ERRORS)
async def classify(body: requests.ClassifyRequest, request: Request, context: Context) -> Response:
    """Label texts, with calibrated probabilities."""
    return await answer(context, "classify", body, request)


@router.post("/v1/tag", response_model=responses.TagResponse, responses=ERRORS)
async def tag(body: requests.TagRequest, request: Request, context: Context) -> Response:
    """Find the entities in texts, with their places and probabilities."""
    return await answer(context, "tag", body, request)


@router.post("/v1/translate", response_model=responses.TranslateResponse, responses=ERRORS)
async def translate(
    body: requests.TranslateRequest, request: Request, context: Context
) -> Response:
    """Translate texts, sentence by sentence; white space and line breaks stay as they are."""
    languages = (body.source_language, body.target_language)
    return await answer(context, "translate", body, request, languages)


@router.get("/v1/models", response_model=responses.ModelList, responses=_READ_ERRORS)
async def list_models(context: Context) -> responses.ModelList:
    """The models that are served."""
    return responses.ModelList(data=[context.card(served) for served in context.models.values()])


@router.get("/v1/models/{name:path}", response_model=responses.ModelCard, responses=_READ_ERRORS)
async def show_model(name: str, context: Context) -> responses.ModelCard:
    """One model."""
    served = context.models.get(unquote(name))
    if served is None:
        raise Problem(
            404, "model_not_found", f"no such model; there are {', '.join(context.models)}"
        )
    return context.card(served)


@router.get("/healthz", response_model=responses.Status)
async def healthz() -> responses.Status:
    """Whether the process runs."""
    return responses.Status(status="ok")


@router.get("/readyz", response_model=responses.Status, responses={503: responses.PROBLEM})
async def readyz(context: Context) -> responses.Status:
    """Whether requests are taken: 503 until the models are warm, and while draining."""
    reason = context.refusal()
    if reason:
        raise Problem(503, "unavailable", reason, headers={"retry-after": "1"})
    return responses.Status(status="ready")


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(context: Context) -> Response:
    """For Prometheus."""
    return Response(context.metrics.render(), media_type=CONTENT_TYPE_LATEST)


async def answer(
    context: ServiceContext,
    task: str,
    body: requests.TextsRequest,
    request: Request,
    languages: Sequence[str | None] = (),
) -> JSONResponse:
    """What the routes that take texts have in common. Raises Problem."""
    served = context.pick(task, body.model, languages)
    result = await ask(context, served, body.located(), body.options(), request)
    return JSONResponse({"model": served.name, "results": result.answers}, headers=timings(result))
