"""Hugging Face Inference, as huggingface_hub.InferenceClient speaks it to the URL of a model.

The client posts {"inputs": ..., "parameters": {...}} to /models/NAME, and the model's task decides
what the parameters may be and what form the answer has.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.api.requests import Strict, Text
from service.context import ServiceContext
from service.dialects.huggingface import pipelines as answers
from service.dialects.huggingface.generation import GenerationParameters, write
from service.errors import Problem, invalid_request
from service.inference.models import ServedModel
from service.inference.pipeline import Context

router = APIRouter()


class Query(Strict):
    """`inputs`: a text, or a list of texts where the task is not generation."""

    model_config = ConfigDict(extra="ignore")

    inputs: str | Annotated[list[Text], Field(min_length=1)]
    parameters: dict[str, Any] = {}
    stream: bool = False


def speaks(path: str) -> bool:
    return path.startswith("/models/")


def refusal(problem: Problem) -> tuple[int, dict[str, Any], dict[str, str]]:
    kind = "validation" if problem.status < 500 else "generation"
    if problem.status in (429, 503):
        kind = "overloaded"
    return problem.status, {"error": problem.detail, "error_type": kind}, {}


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
    served = _model(context, name)
    parameters_type, answer = _TASKS[served.info.task]
    try:
        parameters = TypeAdapter(parameters_type).validate_python(query.parameters)
    except ValidationError as error:
        raise invalid_request(error.errors(), within=("parameters",)) from None
    return await answer(context, served, query, parameters, request)


@router.get("/models/{name}/info", responses=_READ_ERRORS)
async def info(name: str, context: Context) -> dict[str, Any]:
    """What an endpoint says of itself."""
    served = _model(context, name)
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
    _model(context, name)
    reason = context.refusal()
    if reason:
        raise Problem(503, "unavailable", reason, headers={"retry-after": "1"})
    return JSONResponse({"status": "ok"})


def _model(context: ServiceContext, name: str) -> ServedModel:
    """Raises Problem 404, or 503 for a model that is not ready yet."""
    served = context.models.get(name)
    if served is not None and served.info.task in _TASKS:
        return served
    if name in context.warming:
        raise Problem(
            503, "unavailable", "that model is warming up; try again in a second",
            headers={"retry-after": "1"},
        )  # fmt: skip
    there = ", ".join(context.models)
    raise Problem(404, "model_not_found", f"no such model; there are {there}")
