"""POST /v1/translate: translations of texts, with alternatives and alignments."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.api.requests import LanguageCode, TextsRequest, with_options
from service.api.responses import ERROR_RESPONSES, ResponseModel
from service.api.texts import texts_response
from service.inference.context import Context
from textrnn.tasks.translate.options import TranslateOptions

router = APIRouter()


@with_options(TranslateOptions, beam_size={"le": 16}, alternatives={"le": 15})
class TranslateRequest(TextsRequest):
    """Texts to translate."""

    source_language: LanguageCode | None = None
    """Language code of the texts, such as `en`. Uses the model's source language if not set."""
    target_language: LanguageCode | None = None
    """Language code of the translation. If `model` is not set, the languages select the model."""


class Alternative(ResponseModel):
    text: str
    score: float
    """Log-probability of the translation, summed over its sentences."""


class Translation(ResponseModel):
    text: str
    score: float
    """Log-probability of the translation, summed over its sentences."""
    alternatives: list[Alternative] | None = None
    """Further translations, best first. Present if requested."""
    source_tokens: list[str] | None = None
    """Tokens of the source, with ▁ for a space. Present if requested by `alignment`."""
    tokens: list[str] | None = None
    """Tokens of the translation, with ▁ for a space. Present if requested by `alignment`."""
    alignment: list[list[float]] | None = None
    """Attention weights: for each of `tokens` a row with a weight for each of `source_tokens`. The
    rest up to 1 is the weight of the end of the sentence."""


class TranslateResponse(ResponseModel):
    model: str
    """Name of the model."""
    results: list[Translation]
    """In the order of the texts."""


@router.post("/v1/translate", response_model=TranslateResponse, responses=ERROR_RESPONSES)
async def translate(body: TranslateRequest, request: Request, context: Context) -> Response:
    """Translate texts, sentence by sentence. White space and line breaks are kept."""
    languages = (body.source_language, body.target_language)
    return await texts_response(context, "translate", body, request, languages)
