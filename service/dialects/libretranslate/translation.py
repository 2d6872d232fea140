"""Language detection, and translation of texts from several languages, with or without markup."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from service.dialects.libretranslate.markup import texts_of, with_texts
from service.errors import Problem
from service.inference.context import ServiceContext
from service.inference.pipeline import infer_texts, timing_headers

DETECTOR = "language-id"
"""Name of the classifier that detects languages."""


async def detect_languages(
    context: ServiceContext, texts: Sequence[str], request: Request
) -> list[list[dict[str, Any]]]:
    """The possible languages of each text, the most likely first: [{"confidence", "language"}].

    Confidence is from 0 to 100, and 0 for a blank text. Raises Problem.
    """
    served = context.models.get(DETECTOR)
    if served is None or served.info.task != "classify":
        raise Problem(
            400,
            "no_detector",
            f"language detection needs the model {DETECTOR}, which this server does not have; "
            "set the source language",
        )
    unknown = {"confidence": 0.0, "language": served.info.config["labels"][0]}
    detected = [[unknown] for _ in texts]
    indices = [index for index, text in enumerate(texts) if text.strip()]
    if indices:
        located = [(f"/q/{index}", texts[index]) for index in indices]
        result = await infer_texts(context, served, located, {"truncate": True}, request)
        for index, answer in zip(indices, result.answers, strict=True):
            detected[index] = [
                {"confidence": round(100 * score["score"], 2), "language": score["label"]}
                for score in answer["scores"]
            ]
    return detected


class Document:
    """A text as segments to translate: the whole text, or the texts between the tags of HTML."""

    def __init__(self, text: str, html: bool):
        self._text = text
        self._html = html
        self.segments = texts_of(text) if html else [text]
        self.translations = [[segment] for segment in self.segments]
        """For each segment its translations, best first. Untranslated ones are kept."""

    def translation(self, rank: int) -> str:
        """The document with each segment's translation of this rank, or its best if it has fewer
        translations."""
        segments = [
            translations[rank] if rank < len(translations) else translations[0]
            for translations in self.translations
        ]
        return with_texts(self._text, segments) if self._html else segments[0]


async def translate_documents(
    context: ServiceContext,
    documents: Sequence[Document],
    sources: Sequence[str],
    target: str,
    alternatives: int,
    request: Request,
) -> dict[str, str]:
    """Fill in the translations of documents, and return the headers with the time it took.

    Blank segments and documents in the target language are kept. Raises Problem.
    """
    places: dict[str, list[tuple[int, int]]] = {}
    for index, (document, source) in enumerate(zip(documents, sources, strict=True)):
        if source != target:
            context.models.select("translate", None, (source, target))  # before any work is done
            segments = enumerate(document.segments)
            translated = [(index, number) for number, segment in segments if segment.strip()]
            places.setdefault(source, []).extend(translated)
    headers: dict[str, str] = {}
    for source, of_source in places.items():
        if not of_source:
            continue
        served = context.models.select("translate", None, (source, target))
        located = [(f"/q/{index}", documents[index].segments[n]) for index, n in of_source]
        options = {"alternatives": alternatives}
        result = await infer_texts(context, served, located, options, request)
        headers = timing_headers(result)
        for (index, number), answer in zip(of_source, result.answers, strict=True):
            others = [other["text"] for other in answer.get("alternatives", [])]
            documents[index].translations[number] = [answer["text"], *others]
    return headers
