"""LibreTranslate, as its clients speak it: /translate, /languages, /detect, /frontend/settings."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.api.requests import Language
from service.dialects import Dialect
from service.dialects.libretranslate.languages import english_name
from service.dialects.libretranslate.markup import texts_of, with_texts
from service.errors import Problem, invalid_request
from service.inference.context import Context, ServiceContext
from service.inference.pipeline import infer_texts, timing_headers

router = APIRouter()

FORM = "application/x-www-form-urlencoded"
DETECTOR = "language-id"
"""The name of the classifier that tells languages apart."""


_STATUSES = {401: 403, 422: 400}


def _error_response(problem: Problem, path: str, request_id: str) -> JSONResponse:
    status = _STATUSES.get(problem.status, problem.status)
    return JSONResponse({"error": problem.detail}, status, headers=problem.headers)


LIBRETRANSLATE = Dialect(
    "libretranslate",
    router,
    re.compile(r"/(translate|detect|languages|frontend/settings)\Z"),
    _error_response,
    content_types=frozenset({"application/json", FORM}),
    key_in_body=True,
)


class Form(BaseModel):
    """In a form all values are strings."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    q: str | Annotated[list[str], Field(min_length=1)]
    api_key: str = ""

    @property
    def texts(self) -> list[str]:
        return [self.q] if isinstance(self.q, str) else self.q

    def one_or_all(self, found: list[Any]) -> Any:
        """A list for a list, and one for one."""
        return found[0] if isinstance(self.q, str) else found


class DetectForm(Form):
    pass


class TranslateForm(Form):
    source: Language
    """A code, or auto."""
    target: Language
    format: Literal["text", "html"] = "text"
    alternatives: Annotated[int, Field(ge=0, le=15)] = 0


class Refusal(BaseModel):
    error: str


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal} for status in (400, 403, 408, 413, 415, 429, 500, 503, 504)
}
_READ_ERRORS: dict[int | str, dict[str, Any]] = {status: ERRORS[status] for status in (400, 403)}


def _body(kind: type[Form]) -> dict[str, Any]:
    """What OpenAPI is to say of a body that may come in two ways."""
    schema = {"schema": kind.model_json_schema()}
    return {
        "requestBody": {"required": True, "content": {"application/json": schema, FORM: schema}}
    }


async def _fields(request: Request, context: Context) -> Any:
    """What the body says, as JSON or as a form, if it may: a key can be one of the fields. Raises
    Problem."""
    body, fields = await request.body(), {}
    if request.headers.get("content-type", "").startswith(FORM):
        for name, values in parse_qs(
            body.decode("utf-8", "replace"), keep_blank_values=True
        ).items():
            fields[name] = values[0] if len(values) == 1 else values
    elif body:
        try:
            fields = json.loads(body)
        except ValueError:
            fields = None
    key = fields.get("api_key") if isinstance(fields, dict) else None
    if not request.state.has_key:
        context.admission.check_key(key if isinstance(key, str) else "")
    if fields is None:
        raise Problem(422, "invalid_request", "the body is not JSON")
    return fields


Fields = Annotated[Any, Depends(_fields)]


@router.post("/translate", responses=ERRORS, openapi_extra=_body(TranslateForm))
async def translate(fields: Fields, request: Request, context: Context) -> Response:
    """Translate, as LibreTranslate does."""
    form = _parsed(TranslateForm, fields)
    texts = form.texts
    detected = await _detect(context, texts, request) if form.source == "auto" else []
    sources = [best["language"] for best, *_ in detected] or [form.source] * len(texts)
    parts = [texts_of(text) if form.format == "html" else [text] for text in texts]
    ways, headers = await _translated(context, parts, sources, form, request)
    shown: dict[str, Any] = {
        "translatedText": form.one_or_all(
            [_joined(form, *each, 0) for each in zip(texts, ways, strict=True)]
        )
    }
    if form.source == "auto":
        shown["detectedLanguage"] = form.one_or_all([best for best, *_ in detected])
    if form.alternatives:
        others = range(1, form.alternatives + 1)
        shown["alternatives"] = form.one_or_all(
            [
                [_joined(form, *each, way) for way in others]
                for each in zip(texts, ways, strict=True)
            ]
        )
    return JSONResponse(shown, headers=headers)


@router.post("/detect", responses=ERRORS, openapi_extra=_body(DetectForm))
async def detect(fields: Fields, request: Request, context: Context) -> Response:
    """Tell which language a text is in; confidence is from 0 to 100."""
    form = _parsed(DetectForm, fields)
    return JSONResponse(form.one_or_all(await _detect(context, form.texts, request)))


@router.get("/languages", responses=_READ_ERRORS)
async def languages(fields: Fields, context: Context) -> list[dict[str, Any]]:
    """The languages that there are, each with those that it is translated to."""
    targets: dict[str, set[str]] = {}
    for served in context.models.values():
        if served.info.task == "translate":
            source, target = served.info.languages
            targets.setdefault(source, set()).add(target)
            targets.setdefault(target, set())
    return [
        {"code": code, "name": english_name(code), "targets": sorted(targets[code])}
        for code in sorted(targets)
    ]


@router.get("/frontend/settings", responses=_READ_ERRORS)
async def frontend_settings(fields: Fields, context: Context) -> dict[str, Any]:
    """What LibreTranslate's own pages ask for first."""
    first = next((s for s in context.models.values() if s.info.task == "translate"), None)
    target = first.info.languages[1] if first else "en"
    return {
        "apiKeys": bool(context.settings.api_keys),
        "keyRequired": bool(context.settings.api_keys),
        "charLimit": context.settings.body_bytes,
        "frontendTimeout": 500,
        "suggestions": False,
        "filesTranslation": False,
        "supportedFilesFormat": [],
        "language": {
            "source": {"code": "auto", "name": "Auto Detect"},
            "target": {"code": target, "name": english_name(target)},
        },
    }


F = TypeVar("F", bound=Form)


def _parsed(kind: type[F], fields: Any) -> F:
    """Raises Problem."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise invalid_request(error.errors()) from None


async def _detect(
    context: ServiceContext, texts: Sequence[str], request: Request
) -> list[list[dict[str, Any]]]:
    """For each text its languages, the likeliest first. Raises Problem."""
    served = context.models.get(DETECTOR)
    if served is None or served.info.task != "classify":
        raise Problem(
            400,
            "no_detector",
            f"this server has no model named {DETECTOR} that is warm, and cannot tell languages "
            "apart; name the source language",
        )
    asked = [(f"/q/{place}", text) for place, text in enumerate(texts) if text.strip()]
    found: list[list[dict[str, Any]]] = [
        [{"confidence": 0.0, "language": served.info.config["labels"][0]}] for _ in texts
    ]
    if asked:
        result = await infer_texts(context, served, asked, {"truncate": True}, request)
        for (pointer, _), answer in zip(asked, result.answers, strict=True):
            found[int(pointer.rpartition("/")[2])] = [
                {"confidence": round(100 * score["score"], 2), "language": score["label"]}
                for score in answer["scores"]
            ]
    return found


async def _translated(
    context: ServiceContext,
    parts: Sequence[Sequence[str]],
    sources: Sequence[str],
    form: TranslateForm,
    request: Request,
) -> tuple[list[list[list[str]]], dict[str, str]]:
    """For each part of each text its translations, the best first; and the times that it took.
    Blanks stay, and so does what is in the target's language. Raises Problem."""
    ways = [[[part] for part in text] for text in parts]
    places: dict[str, list[tuple[int, int]]] = {}
    for number, (text, source) in enumerate(zip(parts, sources, strict=True)):
        if source != form.target:
            context.models.select("translate", None, (source, form.target))
            some = places.setdefault(source, [])
            some += [(number, place) for place, part in enumerate(text) if part.strip()]
    headers: dict[str, str] = {}
    for source, wanted in places.items():
        served = context.models.select("translate", None, (source, form.target))
        located = [(f"/q/{number}", parts[number][place]) for number, place in wanted]
        if not located:
            continue
        options = {"alternatives": form.alternatives}
        result = await infer_texts(context, served, located, options, request)
        headers = timing_headers(result)
        for (number, place), answer in zip(wanted, result.answers, strict=True):
            others = [other["text"] for other in answer.get("alternatives", [])]
            ways[number][place] = [answer["text"], *others]
    return ways, headers


def _joined(form: TranslateForm, text: str, ways: Sequence[Sequence[str]], way: int) -> str:
    """The text in one of the ways; where a part has fewer of them, its best."""
    chosen = [part[way] if way < len(part) else part[0] for part in ways]
    return with_texts(text, chosen) if form.format == "html" else chosen[0]
