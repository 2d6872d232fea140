"""The pipelines for text classification, token classification and translation."""

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from service.dialects.huggingface.requests import (
    ClassificationParameters,
    InferenceRequest,
    TaggingParameters,
    TranslationParameters,
)
from service.errors import Problem
from service.inference.context import ServiceContext
from service.inference.jobs import Result
from service.inference.models import ServedModel
from service.inference.pipeline import AnswerResponse, LocatedTexts, infer_texts, timing_headers
from textrnn.tasks import Answer


async def text_classification(
    context: ServiceContext,
    served: ServedModel,
    body: InferenceRequest,
    parameters: ClassificationParameters,
    request: Request,
) -> Response:
    """[[{"label", "score"}, ...]], nested even for a single text. Raises Problem."""
    options = parameters.model_dump(exclude_none=True)
    result = await infer_texts(context, served, _located(body), options, request)
    return _response([answer["scores"] for answer in result.answers], result)


async def token_classification(
    context: ServiceContext,
    served: ServedModel,
    body: InferenceRequest,
    parameters: TaggingParameters,
    request: Request,
) -> Response:
    """[{"entity_group", "score", "word", "start", "end"}], or a list of such lists for a list of
    texts. Without aggregation an item is a word, with `entity` for its tag. Raises Problem."""
    by_word = parameters.aggregation_strategy == "none"
    options = {"marginals": True} if by_word else {}
    result = await infer_texts(context, served, _located(body), options, request)
    items_of, label = (_words, "entity") if by_word else (_entities, "entity_group")
    lists = [
        [item for item in items_of(answer) if item[label] not in parameters.ignore_labels]
        for answer in result.answers
    ]
    return _response(lists[0] if isinstance(body.inputs, str) else lists, result)


def _entities(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "entity_group": entity["label"],
            "score": entity["score"],
            "word": entity["text"],
            "start": entity["start"],
            "end": entity["end"],
        }
        for entity in answer["entities"]
    ]


def _words(answer: Answer) -> list[dict[str, Any]]:
    """Each word with its IOB2 tag, or its label if the model labels every word; and with the
    marginal probability of the label."""
    words, entities = answer["tokens"], answer["entities"]
    labels_every_word = len(words) == len(entities) and all(
        word["start"] == entity["start"] for word, entity in zip(words, entities, strict=True)
    ) and not any(tag["label"] == "O" for word in words for tag in word["tags"])  # fmt: skip
    items = []
    for index, word in enumerate(words, start=1):
        entity = next((e for e in entities if e["start"] <= word["start"] < e["end"]), None)
        label = "O" if entity is None else entity["label"]
        score = next(tag["score"] for tag in word["tags"] if tag["label"] == label)
        if entity is not None and not labels_every_word:
            label = f"{'B' if entity['start'] == word['start'] else 'I'}-{label}"
        items.append(
            {
                "entity": label,
                "score": score,
                "index": index,
                "word": word["text"],
                "start": word["start"],
                "end": word["end"],
            }
        )
    return items


async def translation(
    context: ServiceContext,
    served: ServedModel,
    body: InferenceRequest,
    parameters: TranslationParameters,
    request: Request,
) -> Response:
    """[{"translation_text"}]. Raises Problem."""
    source, target = served.info.languages
    if (parameters.src_lang or source, parameters.tgt_lang or target) != (source, target):
        raise Problem(
            400,
            "wrong_language",
            f"{served.name} translates from {source} to {target}; leave out src_lang and tgt_lang, "
            "or choose a model for those languages",
        )
    result = await infer_texts(context, served, _located(body), parameters.options(), request)
    return _response([{"translation_text": answer["text"]} for answer in result.answers], result)


def _located(body: InferenceRequest) -> LocatedTexts:
    if isinstance(body.inputs, str):
        return [("/inputs", body.inputs)]
    return [(f"/inputs/{index}", text) for index, text in enumerate(body.inputs)]


def _response(content: Any, result: Result) -> AnswerResponse:
    headers = timing_headers(result)
    if any(answer.get("truncated") for answer in result.answers):
        headers["x-hf-warning"] = (
            "truncation; a text exceeds the model's limit, and the response covers its beginning"
        )
    return AnswerResponse(content, headers=headers)
