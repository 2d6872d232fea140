"""Requests of LibreTranslate. A body is JSON or a form, and may hold the API key."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, TypeVar

from fastapi import Depends, Request
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)

from service.api.requests import field_like
from service.api.translate import TranslateRequest
from service.dialects.libretranslate.forms import (
    MULTIPART,
    URLENCODED,
    Upload,
    parse_multipart,
    parse_urlencoded,
)
from service.errors import Problem, invalid_request
from service.inference.context import Context
from service.transport.json_body import parse_json

JSON = "application/json"
_T = TypeVar("_T")
LanguageTag = Annotated[str, Field(min_length=1, max_length=35)]
"""A language code as clients send it, such as `en`, `EN` or `en-US`."""


class Query(BaseModel):
    """Values are coerced, since form values are strings."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    api_key: str = ""

    @classmethod
    def parse(cls, fields: Any) -> Self:
        """Raises Problem 422."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise invalid_request(error) from None


class TextQuery(Query):
    """A text or a list of texts."""

    q: str | Annotated[list[str], Field(min_length=1)]
    """A text or a list of texts."""

    @property
    def texts(self) -> list[str]:
        return [self.q] if isinstance(self.q, str) else self.q

    def like_q(self, results: list[_T]) -> _T | list[_T]:
        """The results of the texts in the form of `q`: a single one for a text, or a list."""
        return results[0] if isinstance(self.q, str) else results


def _split_codes(value: Any) -> Any:
    """A form has one value, or several of one name."""
    return value.split(",") if isinstance(value, str) else value


class DetectQuery(TextQuery):
    """Texts whose language to detect."""

    languages: Annotated[
        list[LanguageTag],
        BeforeValidator(_split_codes),
        WithJsonSchema(
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
        ),
    ] = []
    """Codes of the languages to choose from, as a list or separated by commas. All that are known
    if empty. (Not a part of LibreTranslate.)"""
    spans: bool = False
    """Return the parts of each text that are in one language, with `start` and `end`, instead of
    the possible languages of the text. (Not a part of LibreTranslate.)"""


class LanguagesQuery(Query):
    source: LanguageTag
    """Language code of the texts, or `auto` to detect it."""
    target: LanguageTag
    """Language code of the translation."""


class TranslateQuery(TextQuery, LanguagesQuery):
    """Texts to translate."""

    format: Literal["text", "html"] = "text"
    """With `html`, markup is kept and the text between is translated."""
    alternatives: int = field_like(TranslateRequest, "alternatives")


def _check_upload(value: Any) -> Any:
    if not isinstance(value, Upload):
        raise ValueError("must be a file in a multipart form")
    return value


class TranslateFileQuery(LanguagesQuery):
    """A file to translate."""

    file: Annotated[
        Upload,
        BeforeValidator(_check_upload),
        WithJsonSchema({"type": "string", "format": "binary"}),
    ]
    """The file; the ending of its name is its format."""


def request_body(
    query_type: type[Query], media_types: Sequence[str] = (JSON, URLENCODED, MULTIPART)
) -> dict[str, Any]:
    """The OpenAPI description of a body in any of these media types."""
    schema = query_type.model_json_schema()
    content = {media_type: {"schema": schema} for media_type in media_types}
    return {"requestBody": {"required": True, "content": content}}


async def body_fields(request: Request, context: Context) -> Any:
    """The decoded body, once its API key is checked. Raises Problem 401 or 422."""
    body = await request.body()
    fields: Any = {}
    problem = None
    if body:
        try:
            fields = _parse(body, request.headers.get("content-type", ""))
        except Problem as error:  # raised once the key is checked
            problem = error
    if not request.state.has_key:
        key = fields.get("api_key") if isinstance(fields, dict) else None
        context.admission.check_key(key if isinstance(key, str) else "")
    if problem is not None:
        raise problem
    return fields


def _parse(body: bytes, content_type: str) -> Any:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == URLENCODED:
        return parse_urlencoded(body)
    if media_type == MULTIPART:
        return parse_multipart(body, content_type)
    return parse_json(body)


BodyFields = Annotated[Any, Depends(body_fields)]
