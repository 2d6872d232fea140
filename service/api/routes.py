"""The routes of the native API, without generation."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.api import requests, responses
from service.inference.context import Context, ServiceContext
from service.inference.models import ServedModel
from service.inference.pipeline import infer_texts, timing_headers

router = APIRouter()

ERROR_RESPONSES: dict[int | str, dict[str, Any]] = dict.fromkeys(
    (400, 401, 408, 413, 415, 422, 429, 500, 503, 504), responses.PROBLEM
)
_READ_ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    401: responses.PROBLEM,
    404: responses.PROBLEM,
}


@router.post("/v1/classify", response_model=responses.ClassifyResponse, responses=ERROR_RESPONSES)
async def classify(body: requests.ClassifyRequest, request: Request, context: Context) -> Response:
    """Label texts, with calibrated probabilities."""
    return await _infer(context, "classify", body, request)


@router.post("/v1/tag", response_model=responses.TagResponse, responses=ERROR_RESPONSES)
async def tag(body: requests.TagRequest, request: Request, context: Context) -> Response:
    """Find the entities in texts, with their offsets and probabilities."""
    return await _infer(context, "tag", body, request)


@router.post("/v1/translate", response_model=responses.TranslateResponse, responses=ERROR_RESPONSES)
async def translate(
    body: requests.TranslateRequest, request: Request, context: Context
) -> Response:
    """Translate texts, sentence by sentence. White space and line breaks are kept."""
    languages = (body.source_language, body.target_language)
    return await _infer(context, "translate", body, request, languages)


@router.get("/v1/models", response_model=responses.ModelList, responses=_READ_ERROR_RESPONSES)
async def list_models(context: Context) -> responses.ModelList:
    """List the models."""
    cards = [_model_card(context, served) for served in context.models.values()]
    return responses.ModelList(data=cards)


@router.get(
    "/v1/models/{name:path}", response_model=responses.ModelCard, responses=_READ_ERROR_RESPONSES
)
async def show_model(name: str, context: Context) -> responses.ModelCard:
    """Describe one model."""
    served = context.models.get(unquote(name))
    if served is None:
        raise context.models.not_found()
    return _model_card(context, served)


@router.get("/healthz", response_model=responses.Status)
async def healthz() -> responses.Status:
    """Liveness: the process runs."""
    return responses.Status(status="ok")


@router.get("/readyz", response_model=responses.Status, responses={503: responses.PROBLEM})
async def readyz(context: Context) -> responses.Status:
    """Readiness: 503 until the models are warm, and while the server shuts down."""
    context.readiness.check()
    return responses.Status(status="ready")


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(context: Context) -> Response:
    """Metrics for Prometheus."""
    return Response(context.metrics.render(), media_type=CONTENT_TYPE_LATEST)


async def _infer(
    context: ServiceContext,
    task: str,
    body: requests.TextsRequest,
    request: Request,
    languages: Sequence[str | None] = (),
) -> JSONResponse:
    """The response to texts. Raises Problem."""
    served = context.models.select(task, body.model, languages)
    result = await infer_texts(context, served, body.located(), body.options(), request)
    content = {"model": served.name, "results": result.answers}
    return JSONResponse(content, headers=timing_headers(result))


def _model_card(context: ServiceContext, served: ServedModel) -> responses.ModelCard:
    info = served.info
    return responses.ModelCard(
        id=served.name,
        created=served.created,
        task=info.task,
        description=info.description,
        languages=list(info.languages),
        labels=info.config.get("labels"),
        cells=info.config["encoder"]["hidden"] if info.task == "generate" else None,
        metrics=info.metrics,
        limits=responses.ModelLimits(
            tokens=served.predictor.task.limit, texts=context.settings.texts
        ),
        default=context.models.default(info.task) is served,
    )
