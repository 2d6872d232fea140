"""Response models that several routes share, and the documented errors."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class ResponseModel(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class LabelScore(ResponseModel):
    label: str
    score: float


class FieldError(ResponseModel):
    pointer: str
    """JSON pointer to the invalid value in the body."""
    message: str
    code: str
    limit: int | None = None
    """The limit that was exceeded, if there is one."""


class ProblemDocument(ResponseModel):
    """An error as problem details (RFC 9457)."""

    type: str
    """URN of the kind of error."""
    title: str
    """The reason phrase of the status."""
    status: int
    detail: str
    """What went wrong and what to do, in a sentence."""
    instance: str
    """Path of the request."""
    error: str
    """The same as `detail`, for clients of other APIs."""
    code: str
    """Stable name of the error, for programs."""
    request_id: str
    errors: list[FieldError] | None = None
    """Of invalid requests: what is wrong with which field."""


PROBLEM: dict[str, Any] = {
    "model": ProblemDocument,
    "content": {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
    },
}
ERROR_RESPONSES: dict[int | str, dict[str, Any]] = dict.fromkeys(
    (400, 401, 408, 413, 415, 422, 429, 500, 503, 504), PROBLEM
)
"""The errors of a route that runs a model."""
READ_ERROR_RESPONSES: dict[int | str, dict[str, Any]] = dict.fromkeys((401, 404), PROBLEM)
"""The errors of a route that describes models."""
