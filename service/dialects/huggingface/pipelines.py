"""The answers of Hugging Face's pipelines for classification, tagging and translation."""

from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from service.api.requests import Language, Strict
from service.errors import Problem
from service.inference.context import ServiceContext
from service.inference.jobs import Result
from service.inference.models import ServedModel
from service.inference.pipeline import LocatedTexts, infer_texts, timing_headers
from textrnn.tasks import Answer


class ClassificationParameters(Strict):
    function_to_apply: Literal["sigmoid", "softmax", "none"] | None = None
    top_k: Annotated[int, Field(ge=1, le=1000)] | None = None


class TaggingParameters(Strict):
    aggregation_strategy: Literal["none", "simple", "first", "average", "max"] = "simple"
    """Words are never split here, so that all ways to put parts of words together are one."""
    ignore_labels: list[str] = ["O"]
    stride: int | None = None
    """Long texts are read whole: no windows overlap."""


class SearchParameters(Strict):
    num_beams: Annotated[int, Field(ge=1, le=16)] | None = None
    length_penalty: Annotated[float, Field(ge=0, le=5)] | None = None


class TranslationParameters(Strict):
    src_lang: Language | None = None
    tgt_lang: Language | None = None
    clean_up_tokenization_spaces: bool | None = None
    """Translations have none to clean up."""
    truncation: Literal["do_not_truncate", "longest_first", "only_first", "only_second"] = (
        "do_not_truncate"
    )
    generate_parameters: SearchParameters = SearchParameters()


def located(inputs: str | list[str]) -> LocatedTexts:
    if isinstance(inputs, str):
        return [("/inputs", inputs)]
    return [(f"/inputs/{index}", text) for index, text in enumerate(inputs)]


async def classify(
    context: ServiceContext,
    served: ServedModel,
    query: Any,
    parameters: ClassificationParameters,
    request: Request,
) -> Response:
    """Nested, also for one text: [[{"label", "score"}, ...]]."""
    options = parameters.model_dump(exclude_none=True)
    result = await infer_texts(context, served, located(query.inputs), options, request)
    return _response([answer["scores"] for answer in result.answers], result)


async def tag(
    context: ServiceContext,
    served: ServedModel,
    query: Any,
    parameters: TaggingParameters,
    request: Request,
) -> Response:
    """[{"entity_group", "score", "word", "start", "end"}], or each word with its `entity`; for a
    list of texts a list of those."""
    by_word = parameters.aggregation_strategy == "none"
    options = {"marginals": True} if by_word else {}
    result = await infer_texts(context, served, located(query.inputs), options, request)
    form = _words if by_word else _groups
    field = "entity" if by_word else "entity_group"
    found = [
        [entity for entity in form(answer) if entity[field] not in parameters.ignore_labels]
        for answer in result.answers
    ]
    return _response(found[0] if isinstance(query.inputs, str) else found, result)


def _groups(answer: Answer) -> list[dict[str, Any]]:
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
    """Each word with its tag of IOB2, and how probable its type is. A model that labels every word
    has no entities that go over several."""
    tokens, entities = answer["tokens"], answer["entities"]
    plain = len(tokens) == len(entities) and all(
        token["start"] == entity["start"] for token, entity in zip(tokens, entities, strict=True)
    ) and not any(tag["label"] == "O" for token in tokens for tag in token["tags"])  # fmt: skip
    found = []
    for index, token in enumerate(tokens):
        inside = next((e for e in entities if e["start"] <= token["start"] < e["end"]), None)
        label = "O" if inside is None else inside["label"]
        score = next(tag["score"] for tag in token["tags"] if tag["label"] == label)
        if inside is not None and not plain:
            label = f"{'B' if inside['start'] == token['start'] else 'I'}-{label}"
        found.append(
            {
                "entity": label,
                "score": score,
                "index": index + 1,
                "word": token["text"],
                "start": token["start"],
                "end": token["end"],
            }
        )
    return found


async def translate(
    context: ServiceContext,
    served: ServedModel,
    query: Any,
    parameters: TranslationParameters,
    request: Request,
) -> Response:
    """[{"translation_text"}]"""
    source, target = served.info.languages
    if (parameters.src_lang or source, parameters.tgt_lang or target) != (source, target):
        raise Problem(
            400,
            "wrong_language",
            f"{served.name} translates from {source} to {target}; leave src_lang and tgt_lang out, "
            "or ask a model that has those languages",
        )
    search = parameters.generate_parameters
    options = {
        "truncate": parameters.truncation in ("longest_first", "only_first"),
        "beam_size": search.num_beams,
        "length_penalty": search.length_penalty,
    }
    result = await infer_texts(context, served, located(query.inputs), options, request)
    return _response([{"translation_text": answer["text"]} for answer in result.answers], result)


def _response(body: Any, result: Result) -> JSONResponse:
    headers = timing_headers(result)
    if any(answer.get("truncated") for answer in result.answers):
        headers["x-hf-warning"] = (
            "truncation; a text was over the model's limit, and the answer is for its beginning"
        )
    return JSONResponse(body, headers=headers)
