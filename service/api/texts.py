"""The part that the routes for texts share: select a model, run it, return its results."""

from collections.abc import Sequence

from fastapi import Request

from service.api.requests import TextsRequest
from service.inference.context import ServiceContext
from service.inference.pipeline import AnswerResponse, infer_texts, timing_headers


async def texts_response(
    context: ServiceContext,
    task: str,
    body: TextsRequest,
    request: Request,
    languages: Sequence[str | None] = (),
) -> AnswerResponse:
    """The results of a model for a task, one for each text. Raises Problem."""
    served = context.models.select(task, body.model, languages)
    result = await infer_texts(context, served, body.located(), body.options(), request)
    content = {"model": served.name, "results": result.answers}
    return AnswerResponse(content, headers=timing_headers(result))
