"""Hugging Face Inference, as spoken by huggingface_hub.InferenceClient to the URL of a model.

The client posts {"inputs": ..., "parameters": {...}} to /models/NAME. The model's task determines
the pipeline: which parameters are valid, and the form of the response.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError

from service.api.requests import StrictModel
from service.dialect import Dialect
from service.dialects.huggingface.generation import text_generation
from service.dialects.huggingface.pipelines import (
    text_classification,
    token_classification,
    translation,
)
from service.dialects.huggingface.requests import (
    ClassificationParameters,
    GenerationParameters,
    InferenceRequest,
    TaggingParameters,
    TranslationParameters,
)
from service.errors import Problem, invalid_request
from service.inference.context import Context, ServiceContext
from service.inference.models import ServedModel
from service.inference.streaming import EVENT_STREAM

router = APIRouter()


def _error_response(problem: Problem, path: str, request_id: str) -> JSONResponse:
    kind = "validation" if problem.status < 500 else "generation"
    if problem.status in (429, 503):
        kind = "overloaded"
    body = {"error": problem.detail, "error_type": kind}
    return JSONResponse(body, problem.status, headers=problem.headers)


HUGGINGFACE = Dialect("huggingface", (router,), re.compile("/models/"), _error_response)


class HuggingFaceError(BaseModel):
    error: str
    error_type: str


_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": HuggingFaceError}
    for status in (400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504)
}
_READ_ERRORS: dict[int | str, dict[str, Any]] = {
    status: _ERRORS[status] for status in (401, 404, 503)
}


class Pipeline(NamedTuple):
    """How the models of one kind of task are called."""

    parameters_type: type[StrictModel]
    infer: Callable[[ServiceContext, ServedModel, InferenceRequest, Any, Request], Awaitable[Any]]


PIPELINES = {
    "text-classification": Pipeline(ClassificationParameters, text_classification),
    "token-classification": Pipeline(TaggingParameters, token_classification),
    "translation": Pipeline(TranslationParameters, translation),
    "text-generation": Pipeline(GenerationParameters, text_generation),
}
"""By the pipeline tag of a task."""


@router.post("/models/{name}", responses={**_ERRORS, **EVENT_STREAM})
async def infer(name: str, body: InferenceRequest, request: Request, context: Context) -> Response:
    """Run a model on texts, in the form of Hugging Face Inference."""
    served, pipeline = _find(context, name)
    try:
        parameters = pipeline.parameters_type.model_validate(body.parameters)
    except ValidationError as error:
        raise invalid_request(error, within=("parameters",)) from None
    return await pipeline.infer(context, served, body, parameters, request)


@router.get("/models/{name}/info", responses=_READ_ERRORS)
async def info(name: str, context: Context) -> dict[str, Any]:
    """Describe a model."""
    served, _ = _find(context, name)
    return {
        "model_id": served.name,
        "model_sha": served.info.files["weights.safetensors"],
        "model_pipeline_tag": served.predictor.task.pipeline_tag,
        "max_input_tokens": served.predictor.task.limit,
        "max_client_batch_size": context.settings.texts,
        "languages": list(served.info.languages),
    }


@router.get("/models/{name}/health", responses=_READ_ERRORS)
async def health(name: str, context: Context) -> Response:
    """Readiness of a model."""
    _find(context, name)
    context.readiness.check()
    return JSONResponse({"status": "ok"})


def _find(context: ServiceContext, name: str) -> tuple[ServedModel, Pipeline]:
    """A model with the pipeline of its task. Raises Problem 404."""
    served = context.models.find(name)
    pipeline = PIPELINES.get(served.predictor.task.pipeline_tag)
    if pipeline is None:
        raise context.models.not_found()
    return served, pipeline
