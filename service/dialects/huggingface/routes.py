"""Hugging Face Inference, as huggingface_hub.InferenceClient speaks it to the URL of a model.

The client posts {"inputs": ..., "parameters": {...}} to /models/NAME, and the model's task decides
what the parameters may be and what form the answer has.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.api.requests import Strict, Text
from service.dialects import Dialect
from service.dialects.huggingface import pipelines as answers
from service.dialects.huggingface.generation import GenerationParameters, write
from service.errors import Problem, invalid_request
from service.inference.context import Context, ServiceContext
from service.inference.models import ServedModel

router = APIRouter()


class Query(Strict):
    """`inputs`: a text, or a list of texts where the task is not generation."""

    model_config = ConfigDict(extra="ignore")

    inputs: str | Annotated[list[Text], Field(min_length=1)]
    parameters: dict[str, Any] = {}
    stream: bool = False


def _error_response(problem: Problem, path: str, request_id: str) -> JSONResponse:
    kind = "validation" if problem.status < 500 else "generation"
    if problem.status in (429, 503):
        kind = "overloaded"
    body = {"error": problem.detail, "error_type": kind}
    return JSONResponse(body, problem.status, headers=problem.headers)


HUGGINGFACE = Dialect("huggingface", router, re.compile("/models/"), _error_response)


class Refusal(BaseModel):
    error: str
    error_type: str


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal} for status in (400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504)
}
_READ_ERRORS: dict[int | str, dict[str, Any]] = {
    status: ERRORS[status] for status in (401, 404, 503)
}

Answerer = Callable[[ServiceContext, ServedModel, Any, Any, Request], Awaitable[Response]]
_TASKS: dict[str, tuple[type[Strict], Answerer]] = {
    "classify": (answers.ClassificationParameters, answers.classify),
    "tag": (answers.TaggingParameters, answers.tag),
    "translate": (answers.TranslationParameters, answers.translate),
    "generate": (GenerationParameters, write),
}


@router.post("/models/{name}", responses=ERRORS)
async def infer(name: str, query: Query, request: Request, context: Context) -> Response:
    """Ask a model, as Hugging Face Inference is asked."""
    served = context.models.find(name)
    parameters_type, answer = _TASKS[served.info.task]
    try:
        parameters = TypeAdapter(parameters_type).validate_python(query.parameters)
    except ValidationError as error:
        raise invalid_request(error.errors(), within=("parameters",)) from None
    return await answer(context, served, query, parameters, request)


@router.get("/models/{name}/info", responses=_READ_ERRORS)
async def info(name: str, context: Context) -> dict[str, Any]:
    """What an endpoint says of itself."""
    served = context.models.find(name)
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
    """200 where the model answers."""
    context.models.find(name)
    context.readiness.check()
    return JSONResponse({"status": "ok"})
