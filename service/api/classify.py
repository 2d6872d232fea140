"""POST /v1/classify: the labels of texts, with calibrated probabilities."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.api.requests import TextsRequest, with_options
from service.api.responses import ERROR_RESPONSES, LabelScore, ResponseModel
from service.api.texts import texts_response
from service.inference.context import Context
from textrnn.tasks.classify.options import ClassifyOptions

router = APIRouter()


@with_options(ClassifyOptions, top_k={"le": 1000})
class ClassifyRequest(TextsRequest):
    """Texts to classify."""


class TokenAttribution(ResponseModel):
    text: str
    start: int
    """Offset of the first character in Unicode code points."""
    end: int
    """Offset after the last character in Unicode code points."""
    share: float
    """Contribution of the token to the score. Negative if it lowers the score."""


class Explanation(ResponseModel):
    """Attributions by integrated gradients. The baseline and all shares add up to the score."""

    label: str
    """The label whose score is explained."""
    baseline: float
    """Score of a text of equal length in which every token is unknown."""
    tokens: list[TokenAttribution]


class Classification(ResponseModel):
    label: str
    """The label with the highest score."""
    score: float
    labels: list[str] | None = None
    """Of multi-label models: the labels whose score reaches their threshold."""
    scores: list[LabelScore]
    """Scores by label, highest first."""
    explanation: Explanation | None = None
    """Present if requested by `explain`."""


class ClassifyResponse(ResponseModel):
    model: str
    """Name of the model."""
    results: list[Classification]
    """In the order of the texts."""


@router.post("/v1/classify", response_model=ClassifyResponse, responses=ERROR_RESPONSES)
async def classify(body: ClassifyRequest, request: Request, context: Context) -> Response:
    """Label texts, with calibrated probabilities."""
    return await texts_response(context, "classify", body, request)
