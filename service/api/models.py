"""GET /v1/models: the models that the server has."""

from typing import Literal
from urllib.parse import unquote

from fastapi import APIRouter

from service.api.responses import READ_ERROR_RESPONSES, ResponseModel
from service.inference.context import Context, ServiceContext
from service.inference.models import ServedModel

router = APIRouter()


class ModelLimits(ResponseModel):
    tokens: int
    """Maximum length of a text."""
    texts: int
    """Maximum number of texts in one request."""


class ModelCard(ResponseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["textrnn"] = "textrnn"
    task: str
    description: str
    languages: list[str]
    labels: list[str] | None
    cells: int | None
    """Of models that generate text: number of cells in the last layer."""
    metrics: dict[str, dict[str, float]]
    limits: ModelLimits
    default: bool
    """Whether requests for the task that name no model use this one."""


class ModelList(ResponseModel):
    object: Literal["list"] = "list"
    data: list[ModelCard]


@router.get("/v1/models", response_model=ModelList, responses=READ_ERROR_RESPONSES)
async def list_models(context: Context) -> ModelList:
    """List the models."""
    cards = [_model_card(context, served) for served in context.models.values()]
    return ModelList(data=cards)


@router.get("/v1/models/{name}", response_model=ModelCard, responses=READ_ERROR_RESPONSES)
async def show_model(name: str, context: Context) -> ModelCard:
    """Describe one model."""
    served = context.models.get(unquote(name))
    if served is None:
        raise context.models.not_found()
    return _model_card(context, served)


def _model_card(context: ServiceContext, served: ServedModel) -> ModelCard:
    info, task = served.info, served.predictor.task
    captures_cells = "cells" in task.options_type.model_fields
    return ModelCard(
        id=served.name,
        created=served.created,
        task=info.task,
        description=info.description,
        languages=list(info.languages),
        labels=info.config.get("labels"),
        cells=info.config["encoder"]["hidden"] if captures_cells else None,
        metrics=info.metrics,
        limits=ModelLimits(tokens=task.limit, texts=context.settings.texts),
        default=context.models.default(info.task) is served,
    )
