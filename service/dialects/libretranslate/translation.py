"""Translation of documents from several languages."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request

from service.dialects.libretranslate.documents import Document, Piece, cut_sentences
from service.errors import Problem, invalid_text
from service.inference.context import ServiceContext
from service.inference.jobs import Result
from service.inference.models import ServedModel
from service.inference.pipeline import (
    INLINE_CHARACTERS,
    infer_examples,
    label_request,
    timing_headers,
)
from service.languages import match_language
from textrnn.errors import InvalidText
from textrnn.tasks import Answer, Example
from textrnn.tasks.translate.options import TranslateOptions

_T = TypeVar("_T")


@dataclass(frozen=True)
class Translated:
    ranks: list[list[str]]
    """The translations of each document, best first."""
    headers: dict[str, str]
    """With the time that they took."""


def language_pairs(context: ServiceContext) -> dict[str, set[str]]:
    """The languages, each with those it can be translated to."""
    targets: dict[str, set[str]] = {}
    for served in context.models.values():
        if served.info.task == "translate":
            source, target = served.info.languages
            targets.setdefault(source, set()).add(target)
            targets.setdefault(target, set())
    return targets


def served_language(context: ServiceContext, tag: str, field: str) -> str:
    """The language that a tag asks for. Raises Problem 400, which lists those that there are."""
    languages = sorted(language_pairs(context))
    language = match_language(tag, languages)
    if language is None:
        listed = ", ".join(languages) or "none"
        raise Problem(
            400,
            "unsupported_language",
            f"/{field}: this language is not supported; there are {listed}",
        )
    return language


async def in_thread(long: bool, function: Callable[..., _T], *arguments: Any) -> _T:
    """Call a function, in a thread if it is going to take long."""
    return await asyncio.to_thread(function, *arguments) if long else function(*arguments)


async def translate_documents(
    context: ServiceContext,
    documents: Sequence[Document],
    sources: Sequence[str],
    target: str,
    alternatives: int,
    request: Request,
) -> Translated:
    """The translations of documents, each with this number of alternatives.

    A document is one text to the limits of a request, whatever the number of its pieces. Documents
    in the target language are kept. Raises Problem.
    """
    context.admission.check_texts(len(documents), "/q")
    models: dict[str, ServedModel] = {}
    for source in sources:  # before any work is done
        if source != target:
            models[source] = context.models.select("translate", None, (source, target))
    answers: list[Sequence[Answer]] = [()] * len(documents)
    headers: dict[str, str] = {}
    for source, served in models.items():
        indices = [index for index, of_document in enumerate(sources) if of_document == source]
        located = [(f"/q/{i}", piece) for i in indices for piece in documents[i].pieces]
        label_request(request, served, len(indices))
        result = await _translate(context, served, located, alternatives, request)
        rest = iter(result.answers)
        for index in indices:
            answers[index] = [next(rest) for _ in documents[index].pieces]
        headers = timing_headers(result)
    long = sum(len(document.source) for document in documents) >= INLINE_CHARACTERS
    ranks = await in_thread(long, _ranks, documents, answers, alternatives + 1)
    return Translated(ranks, headers)


def _ranks(
    documents: Sequence[Document], answers: Sequence[Sequence[Answer]], count: int
) -> list[list[str]]:
    """For each document its translations, by rank. A piece without a translation of some rank has
    its best; a document without answers is kept."""
    return [
        [document.joined([_of_rank(answer, rank) for answer in found]) for rank in range(count)]
        if found
        else [document.source] * count
        for document, found in zip(documents, answers, strict=True)
    ]


def _of_rank(answer: Answer, rank: int) -> Answer:
    others = answer.get("alternatives", [])
    return others[rank - 1] if 0 < rank <= len(others) else answer


async def _translate(
    context: ServiceContext,
    served: ServedModel,
    located: Sequence[tuple[str, Piece]],
    alternatives: int,
    request: Request,
) -> Result:
    """The answers to pieces. Many of them run one part after another, so that a document leaves
    room for others in the queue, but within one deadline. Raises Problem."""
    settings, limits = context.settings, context.admission.limits
    long = sum(len(piece.text) for _, piece in located) >= INLINE_CHARACTERS
    examples = await in_thread(long, _tokenize, served, located, alternatives)
    tokens = sum(len(window) * window.width for e in examples for window in e.windows)
    if tokens > limits.max_tokens:
        raise Problem(
            422,
            "too_many_tokens",
            f"this request has {tokens} tokens, the limit is {limits.max_tokens}; send less text "
            "in a request",
        )
    answers: list[Answer] = []
    queue_seconds = compute_seconds = 0.0
    try:
        async with asyncio.timeout(settings.deadline):
            for start in range(0, len(examples), settings.texts):
                part = examples[start : start + settings.texts]
                result = await infer_examples(context, served, part, request)
                answers += result.answers
                queue_seconds += result.queue_seconds
                compute_seconds += result.compute_seconds
    except TimeoutError:
        raise context.admission.late(settings.deadline) from None
    return Result(answers, queue_seconds, compute_seconds)


def _tokenize(
    served: ServedModel, located: Sequence[tuple[str, Piece]], alternatives: int
) -> list[Example]:
    plain, aligned = (
        TranslateOptions(alternatives=alternatives, sentence_alignments=needed)
        for needed in (False, True)
    )
    examples = []
    for pointer, piece in located:
        try:
            examples.append(_read(served, piece, aligned if piece.aligned else plain))
        except InvalidText as error:
            raise invalid_text(error, pointer) from None
    return examples


def _read(served: ServedModel, piece: Piece, options: TranslateOptions) -> Example:
    """The example of a piece. If its sentences are too long for the model and may be cut, they are
    cut to ever fewer words, as the tokens of a word are not known. Raises InvalidText."""
    task = served.predictor.task
    text, max_words = piece.text, task.limits.length // 2
    while True:
        try:
            return task.read({task.input: text}, options)
        except InvalidText as error:
            if error.code != "sentence_too_long" or not piece.divisible or not max_words:
                raise
        text = cut_sentences(piece.text, max_words)
        max_words //= 2
