"""POST /v1/tag: the entities of texts, with their offsets and probabilities."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.api.requests import TextsRequest, with_options
from service.api.responses import ERROR_RESPONSES, LabelScore, ResponseModel
from service.api.texts import texts_response
from service.inference.context import Context
from textrnn.tasks.tag.options import TagOptions

router = APIRouter()


@with_options(TagOptions)
class TagRequest(TextsRequest):
    """Texts to tag."""


class TaggedEntity(ResponseModel):
    text: str
    """The characters from `start` to `end` of the request's text."""
    label: str
    start: int
    """Offset of the first character in Unicode code points."""
    end: int
    """Offset after the last character in Unicode code points."""
    score: float
    """Probability of exactly this span with this label."""


class TaggedWord(ResponseModel):
    text: str
    start: int
    """Offset of the first character in Unicode code points."""
    end: int
    """Offset after the last character in Unicode code points."""
    tags: list[LabelScore]
    """Marginal probabilities by label, highest first. `O` means no entity."""


class TaggedText(ResponseModel):
    entities: list[TaggedEntity]
    """In the order of the text."""
    tokens: list[TaggedWord] | None = None
    """Present if requested by `marginals`."""


class TagResponse(ResponseModel):
    model: str
    """Name of the model."""
    results: list[TaggedText]
    """In the order of the texts."""


@router.post("/v1/tag", response_model=TagResponse, responses=ERROR_RESPONSES)
async def tag(body: TagRequest, request: Request, context: Context) -> Response:
    """Find the entities in texts, with their offsets and probabilities."""
    return await texts_response(context, "tag", body, request)
