"""Requests of LibreTranslate. A body is JSON or form-encoded, and may hold the API key."""

from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import parse_qs

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.api.requests import LanguageCode, field_like
from service.api.translate import TranslateRequest
from service.errors import Problem, invalid_request
from service.inference.context import Context
from service.transport.json_body import parse_json

FORM = "application/x-www-form-urlencoded"
_T = TypeVar("_T")


class TextQuery(BaseModel):
    """A text or a list of texts. Values are coerced, since form values are strings."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    q: str | Annotated[list[str], Field(min_length=1)]
    """A text or a list of texts."""
    api_key: str = ""

    @classmethod
    def parse(cls, fields: Any) -> Self:
        """Raises Problem 422."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise invalid_request(error) from None

    @property
    def texts(self) -> list[str]:
        return [self.q] if isinstance(self.q, str) else self.q

    def like_q(self, results: list[_T]) -> _T | list[_T]:
        """The results of the texts in the form of `q`: a single one for a text, or a list."""
        return results[0] if isinstance(self.q, str) else results


class DetectQuery(TextQuery):
    """Texts whose language to detect."""


class TranslateQuery(TextQuery):
    """Texts to translate."""

    source: LanguageCode
    """Language code of the texts, or `auto` to detect it."""
    target: LanguageCode
    """Language code of the translation."""
    format: Literal["text", "html"] = "text"
    """With `html`, markup is kept and the text between is translated."""
    alternatives: int = field_like(TranslateRequest, "alternatives")


def request_body(query_type: type[TextQuery]) -> dict[str, Any]:
    """The OpenAPI description of a body that is JSON or form-encoded."""
    schema = {"schema": query_type.model_json_schema()}
    return {
        "requestBody": {"required": True, "content": {"application/json": schema, FORM: schema}}
    }


async def body_fields(request: Request, context: Context) -> Any:
    """The decoded body, once its API key is checked. Raises Problem 401 or 422."""
    body = await request.body()
    fields: Any = {}
    if request.headers.get("content-type", "").startswith(FORM):
        form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        fields = {name: vs[0] if len(vs) == 1 else vs for name, vs in form.items()}
    elif body:
        try:
            fields = parse_json(body)
        except Problem as problem:
            fields = problem  # raised below, after the key is checked
    if not request.state.has_key:
        key = fields.get("api_key") if isinstance(fields, dict) else None
        context.admission.check_key(key if isinstance(key, str) else "")
    if isinstance(fields, Problem):
        raise fields
    return fields


BodyFields = Annotated[Any, Depends(body_fields)]
