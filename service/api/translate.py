"""POST /v1/translate: translations of texts, with alternatives, alignments and a glossary.
POST /v1/translate/score: the scores of given translations."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field, model_validator

from service.api.requests import (
    LanguageCode,
    StrictModel,
    TaskRequest,
    Text,
    TextsRequest,
    with_options,
)
from service.api.responses import ERROR_RESPONSES, ResponseModel
from service.api.texts import texts_response
from service.inference.context import Context
from service.inference.pipeline import AnswerResponse, infer_rows, timing_headers
from textrnn.tasks.translate.options import TranslateOptions, check_terms

router = APIRouter()


@with_options(TranslateOptions, beam_size={"le": 16}, alternatives={"le": 15})
class TranslateRequest(TextsRequest):
    """Texts to translate."""

    source_language: LanguageCode | None = None
    """Language code of the texts, such as `en`. Uses the model's source language if not set."""
    target_language: LanguageCode | None = None
    """Language code of the translation. If `model` is not set, the languages select the model."""

    @model_validator(mode="after")
    def _each_term_once(self) -> Self:
        options: Any = self  # with the fields that `with_options` adds
        check_terms(options.glossary or (), options.do_not_translate or ())
        return self


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


class TranslationPair(StrictModel):
    source: Text
    target: Text
    """A translation of `source`."""


class TranslateScoreRequest(TaskRequest):
    """Translations to score."""

    option_names = set()

    pairs: Annotated[list[TranslationPair], Field(min_length=1)]
    """Texts, each with a given translation. Results are returned in the same order."""
    source_language: LanguageCode | None = None
    """Language code of the sources. Uses the model's source language if not set."""
    target_language: LanguageCode | None = None
    """Language code of the translations. If `model` is not set, the languages select the model."""


class ScoredTranslation(ResponseModel):
    score: float
    """Log-probability of the translation, the sum of `token_scores`."""
    perplexity: float
    """Per token: exp(-score / tokens)."""
    tokens: list[str]
    """Tokens of the translation, with ▁ for a space, and `</s>` at the end of each sentence."""
    token_scores: list[float]
    """The log-probability of each token, given those before it in its sentence."""


class TranslateScoreResponse(ResponseModel):
    model: str
    """Name of the model."""
    results: list[ScoredTranslation]
    """In the order of the pairs."""


@router.post(
    "/v1/translate/score", response_model=TranslateScoreResponse, responses=ERROR_RESPONSES
)
async def score_translations(
    body: TranslateScoreRequest, request: Request, context: Context
) -> Response:
    """Score given translations: their log-probabilities, and those of each token. Sentence by
    sentence where source and translation have equally many, otherwise as a whole."""
    languages = (body.source_language, body.target_language)
    served = context.models.select("translate", body.model, languages)
    rows = [(f"/pairs/{index}", dict(pair)) for index, pair in enumerate(body.pairs)]
    result = await infer_rows(context, served, rows, {"score_target": True}, request)
    content = {"model": served.name, "results": result.answers}
    return AnswerResponse(content, headers=timing_headers(result))
