"""Detection of languages: of texts, and of what is to be translated."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fastapi import Request

from service.api.detect import UNDETERMINED, detector_labels, find_detector, worth_mentioning
from service.dialects.libretranslate.documents import Document
from service.dialects.libretranslate.translation import language_pairs
from service.errors import Problem
from service.inference.context import ServiceContext
from service.inference.pipeline import LocatedTexts, infer_texts
from service.languages import english_name, match_language
from textrnn.tasks import Answer

AUTO = "auto"
"""The language code that stands for detection."""
FALLBACK = "en"
"""The language that LibreTranslate names, with a confidence of 0, if it finds none."""
SURE = 0.7
"""Probability from which a text is taken to be in a language that cannot be translated. Below, as
often for a word or two, it is more likely in one that can be: so its sender thinks."""
Detected = dict[str, Any]
"""A language with a confidence from 0 to 100."""


async def likely_languages(
    context: ServiceContext,
    texts: Sequence[str],
    languages: Sequence[str],
    spans: bool,
    request: Request,
) -> list[list[Detected]]:
    """The possible languages of each text, the most likely first; with `spans`, those of its parts,
    in their order. Languages are chosen from those given, if any. Raises Problem.

    A text in no language has the fallback with a confidence of 0, as in LibreTranslate, whose
    clients take the first language without looking, and look it up among those that there are.
    """
    served = find_detector(context)
    labels = detector_labels(served, languages)
    options = {"truncate": True, "candidate_labels": labels, "spans": spans}
    located = [(f"/q/{index}", text) for index, text in enumerate(texts)]
    answers = await _answers(context, located, options, request)
    unknown = _none(labels or served.info.config["labels"])
    if spans:
        return [_of_spans(answer) for answer in answers]
    return [_of_text(answer) or [unknown] for answer in answers]


def _none(languages: Sequence[str]) -> Detected:
    known = [language for language in languages if language != UNDETERMINED]
    fallback = match_language(FALLBACK, known) or next(iter(known), FALLBACK)
    return {"confidence": 0.0, "language": fallback}


def _of_text(answer: Answer) -> list[Detected]:
    return [
        _detected(score["label"], score["score"])
        for score in worth_mentioning(answer.get("scores", ()))
        if score["label"] != UNDETERMINED
    ]


def _of_spans(answer: Answer) -> list[Detected]:
    return [
        {**_detected(span["label"], span["score"]), "start": span["start"], "end": span["end"]}
        for span in answer.get("spans", ())
        if span["label"] != UNDETERMINED
    ]


def _detected(language: str, probability: float) -> Detected:
    return {"confidence": round(100 * probability, 2), "language": language}


async def _answers(
    context: ServiceContext, located: LocatedTexts, options: dict[str, Any], request: Request
) -> list[Answer]:
    """The answers of the detector; an empty one for a text that is blank or not seen. Raises
    Problem."""
    answers: list[Answer] = [{} for _ in located]
    indices = [index for index, (_, text) in enumerate(located) if any(map(_is_seen, text))]
    if indices:
        served = find_detector(context)
        result = await infer_texts(context, served, [located[i] for i in indices], options, request)
        for index, answer in zip(indices, result.answers, strict=True):
            answers[index] = answer
    return answers


def _is_seen(character: str) -> bool:
    return character.isprintable() and not character.isspace()


class DetectedSource(NamedTuple):
    """What to translate a document from."""

    language: str
    """The target language for a document that is kept."""
    detected: Detected
    """The most likely language, which may be one that cannot be translated."""


async def detect_sources(
    context: ServiceContext,
    documents: Sequence[Document],
    pointers: Sequence[str],
    target: str,
    request: Request,
) -> list[DetectedSource]:
    """The source of each document: the likeliest of the languages that can be translated to
    `target`, and of `target` itself. A document that is surely in another language is kept.

    Raises Problem, also if all documents are in other languages.
    """
    context.models.select("translate", None, (None, target))
    pairs = language_pairs(context)
    languages = [source for source in sorted(pairs) if target in pairs[source]]
    texts = [" ".join(piece.text for piece in document.pieces) for document in documents]
    located = list(zip(pointers, texts, strict=True))
    answers = await _answers(context, located, {"truncate": True}, request)
    sources = [_source(answer, languages, target) for answer in answers]
    if not any(source.detected["language"] in (*languages, target) for source in sources):
        other = sources[0].detected["language"]
        raise Problem(
            400,
            "untranslatable_language",
            f"{pointers[0]}: this text is in {english_name(other)} ({other}), which cannot be "
            f"translated to {target}; {', '.join(languages)} can be; if it is in one of these, set "
            "source",
        )
    return sources


def _source(answer: Answer, languages: Sequence[str], target: str) -> DetectedSource:
    candidates = [target, *languages]
    chances = dict.fromkeys(candidates, 0.0)
    none = 0.0
    for score in answer.get("scores", ()):
        label, probability = score["label"], score["score"]
        if label == UNDETERMINED:
            none = probability
        elif language := match_language(label, candidates):
            chances[language] += probability
        elif probability >= SURE:
            return DetectedSource(target, _detected(label, probability))
    language, chance = max(chances.items(), key=lambda item: item[1])
    if not chance:
        return DetectedSource(target, _none(candidates))
    return DetectedSource(language, _detected(language, chance / (none + sum(chances.values()))))
