"""LibreTranslate: /translate, /translate_file, /download_file, /detect, /languages and
/frontend/settings."""

import re
from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from service.dialect import Dialect
from service.dialects.libretranslate.detection import AUTO, detect_sources, likely_languages
from service.dialects.libretranslate.documents import Document, HtmlDocument, TextDocument
from service.dialects.libretranslate.files import TranslatedFiles
from service.dialects.libretranslate.forms import MULTIPART, URLENCODED, Upload
from service.dialects.libretranslate.requests import (
    JSON,
    BodyFields,
    DetectQuery,
    TranslateFileQuery,
    TranslateQuery,
    body_fields,
    request_body,
)
from service.dialects.libretranslate.translation import (
    in_thread,
    language_pairs,
    served_language,
    translate_documents,
)
from service.errors import Problem
from service.inference.context import Context
from service.inference.pipeline import INLINE_CHARACTERS, AnswerResponse
from service.languages import english_name

router = APIRouter()
_files = TranslatedFiles()

_MEDIA_TYPES = {".txt": "text/plain", ".html": "text/html", ".htm": "text/html"}
"""Of the formats of files that are translated."""
_STATUSES = {401: 403, 422: 400}


def _error_response(problem: Problem, path: str, request_id: str) -> JSONResponse:
    status = _STATUSES.get(problem.status, problem.status)
    return JSONResponse({"error": problem.detail}, status, headers=problem.headers)


LIBRETRANSLATE = Dialect(
    "libretranslate",
    (router,),
    re.compile(r"/(translate|translate_file|detect|languages|frontend/settings)\Z|/download_file/"),
    _error_response,
    content_types=frozenset({JSON, URLENCODED, MULTIPART}),
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
    context.admission.check_texts(len(texts), "/q")
    make = HtmlDocument if query.format == "html" else TextDocument
    long = sum(map(len, texts)) >= INLINE_CHARACTERS
    documents = await in_thread(long, lambda: [make(text) for text in texts])
    target = served_language(context, query.target, "target")
    detected = []
    if query.source.lower() == AUTO:
        pointers = [f"/q/{index}" for index in range(len(documents))]
        found = await detect_sources(context, documents, pointers, target, request)
        sources = [source.language for source in found]
        detected = [source.detected for source in found]
    else:
        sources = [served_language(context, query.source, "source")] * len(documents)
    result = await translate_documents(
        context, documents, sources, target, query.alternatives, request
    )
    content: dict[str, Any] = {"translatedText": query.like_q([best for best, *_ in result.ranks])}
    if detected:
        content["detectedLanguage"] = query.like_q(detected)
    if query.alternatives:
        content["alternatives"] = query.like_q([others for _, *others in result.ranks])
    return AnswerResponse(content, headers=result.headers)


@router.post(
    "/translate_file",
    responses=_ERRORS,
    openapi_extra=request_body(TranslateFileQuery, [MULTIPART]),
)
async def translate_file(request: Request, context: Context) -> Response:
    """Translate a file of text or HTML in UTF-8. The response says where to fetch the result, which
    is kept for half an hour."""
    query = TranslateFileQuery.parse(await body_fields(request, context))
    document = await in_thread(len(query.file.content) >= INLINE_CHARACTERS, _read, query.file)
    target = served_language(context, query.target, "target")
    if query.source.lower() == AUTO:
        (found,) = await detect_sources(context, [document], ["/file"], target, request)
        source = found.language
    else:
        source = served_language(context, query.source, "source")
    result = await translate_documents(context, [document], [source], target, 0, request)
    name = PurePosixPath(query.file.name)
    content = result.ranks[0][0].encode()
    kept = _files.add(f"{name.stem}_{target}{name.suffix.lower()}", content)
    return AnswerResponse(
        {"translatedFileUrl": f"{request.base_url}download_file/{kept}"}, headers=result.headers
    )


def _read(file: Upload) -> Document:
    """The document of a file. Raises Problem 400."""
    suffix = PurePosixPath(file.name).suffix.lower()
    if suffix not in _MEDIA_TYPES:
        raise Problem(
            400,
            "unsupported_file_format",
            f"/file: this file format is not supported; there are {', '.join(_MEDIA_TYPES)}",
        )
    try:
        text = file.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem(400, "not_utf8", "/file: is not UTF-8; convert it to UTF-8") from None
    return TextDocument(text, by_line=True) if suffix == ".txt" else HtmlDocument(text)


@router.get(
    "/download_file/{name}",
    responses={404: {"model": LibreTranslateError}},
    response_class=Response,
)
async def download_file(name: str) -> Response:
    """Fetch a translated file. Its name is a secret, so that no API key is required."""
    content = _files.get(name)
    suffix = PurePosixPath(name).suffix
    file_name = name.partition(".")[2]
    return Response(
        content,
        media_type=_MEDIA_TYPES[suffix],
        headers={"content-disposition": f'attachment; filename="{file_name}"'},
    )


@router.post("/detect", responses=_ERRORS, openapi_extra=request_body(DetectQuery))
async def detect(request: Request, context: Context) -> Response:
    """Detect the language of texts: those with a confidence of 1 or more, of 100, the most likely
    first. A text in no language, such as a number, is in English with a confidence of 0."""
    query = DetectQuery.parse(await body_fields(request, context))
    languages, spans = query.languages, query.spans
    detected = await likely_languages(context, query.texts, languages, spans, request)
    return AnswerResponse(query.like_q(detected))


@router.get("/languages", responses=_READ_ERRORS)
async def languages(fields: BodyFields, context: Context) -> list[dict[str, Any]]:
    """List the languages, each with those it can be translated to."""
    targets = language_pairs(context)
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
        "filesTranslation": True,
        "supportedFilesFormat": list(_MEDIA_TYPES),
        "language": {
            "source": {"code": AUTO, "name": "Auto Detect"},
            "target": {"code": target, "name": english_name(target)},
        },
    }
