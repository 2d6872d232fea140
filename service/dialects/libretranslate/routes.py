"""LibreTranslate: /translate, /detect, /languages and /frontend/settings."""

import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from service.dialect import Dialect
from service.dialects.libretranslate.languages import english_name
from service.dialects.libretranslate.requests import (
    FORM,
    BodyFields,
    DetectQuery,
    TranslateQuery,
    body_fields,
    request_body,
)
from service.dialects.libretranslate.translation import (
    Document,
    detect_languages,
    translate_documents,
)
from service.errors import Problem
from service.inference.context import Context
from service.inference.pipeline import AnswerResponse

router = APIRouter()

_STATUSES = {401: 403, 422: 400}


def _error_response(problem: Problem, path: str, request_id: str) -> JSONResponse:
    status = _STATUSES.get(problem.status, problem.status)
    return JSONResponse({"error": problem.detail}, status, headers=problem.headers)


LIBRETRANSLATE = Dialect(
    "libretranslate",
    (router,),
    re.compile(r"/(translate|detect|languages|frontend/settings)\Z"),
    _error_response,
    content_types=frozenset({"application/json", FORM}),
    key_in_body=True,
)


class LibreTranslateError(BaseModel):
    error: str


_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": LibreTranslateError}
    for status in (400, 403, 408, 413, 415, 429, 500, 503, 504)
}
_READ_ERRORS: dict[int | str, dict[str, Any]] = {status: _ERRORS[status] for status in (400, 403)}


@router.post("/translate", responses=_ERRORS, openapi_extra=request_body(TranslateQuery))
async def translate_texts(request: Request, context: Context) -> Response:
    """Translate texts, in the form of LibreTranslate."""
    query = TranslateQuery.parse(await body_fields(request, context))
    texts = query.texts
    detected = await detect_languages(context, texts, request) if query.source == "auto" else []
    sources = [best["language"] for best, *_ in detected] or [query.source] * len(texts)
    documents = [Document(text, html=query.format == "html") for text in texts]
    headers = await translate_documents(
        context, documents, sources, query.target, query.alternatives, request
    )
    content: dict[str, Any] = {
        "translatedText": query.like_q([document.translation(0) for document in documents])
    }
    if query.source == "auto":
        content["detectedLanguage"] = query.like_q([best for best, *_ in detected])
    if query.alternatives:
        ranks = range(1, query.alternatives + 1)
        content["alternatives"] = query.like_q(
            [[document.translation(rank) for rank in ranks] for document in documents]
        )
    return AnswerResponse(content, headers=headers)


@router.post("/detect", responses=_ERRORS, openapi_extra=request_body(DetectQuery))
async def detect(request: Request, context: Context) -> Response:
    """Detect the language of texts. Confidence is from 0 to 100."""
    query = DetectQuery.parse(await body_fields(request, context))
    return AnswerResponse(query.like_q(await detect_languages(context, query.texts, request)))


@router.get("/languages", responses=_READ_ERRORS)
async def languages(fields: BodyFields, context: Context) -> list[dict[str, Any]]:
    """List the languages, each with those it can be translated to."""
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
async def frontend_settings(fields: BodyFields, context: Context) -> dict[str, Any]:
    """Settings that LibreTranslate's web page loads first."""
    served = context.models.default("translate")
    target = served.info.languages[1] if served else "en"
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
