"""POST /v1/detect: the languages of texts, as a whole or span by span."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from service.api.requests import LanguageCode, ModelName, TextsRequest
from service.api.responses import ERROR_RESPONSES, ResponseModel
from service.errors import Problem
from service.inference.context import Context, ServiceContext
from service.inference.models import ServedModel
from service.inference.pipeline import AnswerResponse, infer_texts, timing_headers
from service.languages import match_language
from textrnn.tasks import Answer

DETECTOR = "language-id"
"""Name of the classifier that detects languages, unless a request names another."""
UNDETERMINED = "und"
"""The label of text in no language, such as numbers (ISO 639-2)."""
LEAST_SCORE = 0.01
"""Of a language that is worth mentioning."""
router = APIRouter()


class DetectRequest(TextsRequest):
    """Texts whose languages to detect."""

    option_names: ClassVar[set[str]] = set()

    model: ModelName | None = None
    """Name of a classifier whose labels are language codes. Uses `language-id` if not set."""
    languages: Annotated[list[LanguageCode], Field(min_length=1, max_length=1000)] | None = None
    """Codes of the languages to choose from, such as `["en", "pt-BR"]`; scores are over these
    alone. With `und` among them, a text may be in none. All that the model knows if not set."""
    spans: bool | None = None
    """Return the spans of each text that are in one language."""


class LanguageScore(ResponseModel):
    language: str
    score: float


class LanguageSpan(ResponseModel):
    text: str
    language: str
    start: int
    """Offset of the first character in Unicode code points."""
    end: int
    """Offset after the last character in Unicode code points."""
    score: float
    """Probability of this language, averaged over the words of the span."""


class Detection(ResponseModel):
    language: str
    """The first of `languages`."""
    score: float
    """Its score."""
    languages: list[LanguageScore]
    """The languages with a probability of 1 % or more, the most probable first. With `spans`, those
    of the spans, each with its share of the characters as its score. `und` is no language, such as
    numbers."""
    spans: list[LanguageSpan] | None = None
    """In the order of the text. Present if requested."""
    truncated: bool | None = None
    """Present and true if the text is longer than the model reads, and its end was left out."""


class DetectResponse(ResponseModel):
    model: str
    """Name of the model."""
    results: list[Detection]
    """In the order of the texts."""


@router.post("/v1/detect", response_model=DetectResponse, responses=ERROR_RESPONSES)
async def detect_languages(body: DetectRequest, request: Request, context: Context) -> Response:
    """Detect the languages of texts, with calibrated probabilities. Of a long text the beginning
    decides; its spans are those of the whole text."""
    served = find_detector(context, body.model)
    options = {
        "truncate": True,
        "candidate_labels": detector_labels(served, body.languages or ()),
        "spans": bool(body.spans),
    }
    result = await infer_texts(context, served, body.located(), options, request)
    detections = [_detection(answer) for answer in result.answers]
    content = {"model": served.name, "results": detections}
    return AnswerResponse(content, headers=timing_headers(result))


def find_detector(context: ServiceContext, name: str | None = None) -> ServedModel:
    """The classifier with this name, or DETECTOR. Raises Problem 400."""
    if name is None and DETECTOR not in context.models:
        raise Problem(
            400,
            "no_detector",
            f"language detection needs the model {DETECTOR}, which this server does not have; "
            "serve it, or set the source language",
        )
    served = context.models.select("classify", name or DETECTOR)
    if served.info.config["multi_label"]:
        detail = "that model gives a text any number of labels; detection needs one that gives one"
        raise Problem(400, "wrong_model", detail)
    return served


def detector_labels(served: ServedModel, languages: Sequence[str]) -> tuple[str, ...]:
    """The labels of a detector for language tags. Raises Problem 400."""
    known = served.info.config["labels"]
    labels = []
    for index, language in enumerate(languages):
        label = match_language(language, known)
        if label is None:
            raise Problem(
                400,
                "unknown_language",
                f"/languages/{index}: {served.name} does not know this language; it knows "
                f"{', '.join(known)}",
            )
        labels.append(label)
    return tuple(labels)


def worth_mentioning(scores: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The scores, highest first, that are not negligible."""
    return [score for score in scores if score["score"] >= LEAST_SCORE]


def _detection(answer: Answer) -> dict[str, Any]:
    spans = [_of_language(span) for span in answer.get("spans", ())]
    if spans:
        languages = _shares(spans)
    else:  # the best of a thousand labels may be negligible
        listed = worth_mentioning(answer["scores"]) or answer["scores"][:1]
        languages = [_of_language(score) for score in listed]
    detection = {**languages[0], "languages": languages}
    if "spans" in answer:
        detection["spans"] = spans
    return detection | ({"truncated": True} if answer.get("truncated") else {})


def _of_language(labelled: dict[str, Any]) -> dict[str, Any]:
    """A score or a span whose label is named as a language."""
    return {"language" if name == "label" else name: value for name, value in labelled.items()}


def _shares(spans: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The languages of spans, each with its share of their characters as its score."""
    lengths: Counter[str] = Counter()
    for span in spans:
        lengths[span["language"]] += span["end"] - span["start"]
    total = lengths.total()
    return [{"language": each, "score": count / total} for each, count in lengths.most_common()]
