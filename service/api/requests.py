"""Request models that several routes share, and how they are made from the options of a task.

The options of a request are those of its task (`tasks/<task>/options.py`), with the same bounds,
defaults and descriptions. A bound that only the service needs is declared beside the request.
"""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_args, get_origin

import annotated_types
from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from textrnn.tasks.options import Options

Text = Annotated[str, Field(min_length=1)]
ModelName = Annotated[str, Field(max_length=64)]
LanguageCode = Annotated[str, Field(min_length=1, max_length=16)]


def field_like(model: type[BaseModel], name: str, **changes: Any) -> Any:
    """A pydantic `Field` with the bounds, default and description of an existing one.

    `changes` are arguments of `Field` that replace the copied ones; None removes a bound.

    >>> from textrnn.tasks.translate.options import TranslateOptions
    >>> class Search(BaseModel):
    ...     num_beams: int | None = field_like(TranslateOptions, "beam_size", le=16)
    >>> Search.model_fields["num_beams"].metadata
    [Ge(ge=1), Le(le=16)]
    """
    field = model.model_fields[name]
    arguments: dict[str, Any] = {"default": field.default, "description": field.description}
    for bound in field.metadata:
        if isinstance(bound, annotated_types.BaseMetadata):
            arguments |= dataclasses.asdict(bound)  # type: ignore[call-overload]
    return Field(**(arguments | changes))


class StrictModel(BaseModel):
    """A request body without type coercion and without unknown fields."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class TaskRequest(StrictModel):
    """The part of a request that all tasks share. `with_options` adds the options of one task."""

    option_names: ClassVar[set[str]]

    model: ModelName | None = None
    """Name of a model for this task. Uses the task's default model if not set."""

    def options(self) -> dict[str, Any]:
        """The task options by name. Those that are null are left out."""
        named = self.option_names & self.model_fields_set  # others have their defaults
        return {name: value for name in named if (value := getattr(self, name)) is not None}


R = TypeVar("R", bound=TaskRequest)


def with_options(
    options_type: type[Options], **service_bounds: dict[str, Any]
) -> Callable[[type[R]], type[R]]:
    """Class decorator that adds a field for each option offered over HTTP.

    Every option may be null, which means its default. `service_bounds` holds, by option, the
    arguments of `Field` that differ from those of the task.
    """

    def decorate(request_type: type[R]) -> type[R]:
        fields: dict[str, Any] = {}
        for name, option in options_type.exposed().items():
            field = field_like(options_type, name, **service_bounds.get(name, {}))
            fields[name] = _json_type(option.annotation) | None, field
        request: Any = create_model(
            request_type.__name__,
            __base__=request_type,
            __module__=request_type.__module__,
            __doc__=request_type.__doc__,
            **fields,
        )
        request.option_names = set(options_type.exposed())
        return request

    return decorate


def _json_type(annotation: Any) -> Any:
    """JSON has no tuples: a strict model takes a list for `tuple[T, ...]`."""
    return list[get_args(annotation)[0]] if get_origin(annotation) is tuple else annotation


def _is_set(name: str) -> dict[str, Any]:
    """The JSON schema of an object in which a field is neither missing nor null."""
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


class TextsRequest(TaskRequest):
    """A request with one text or a list of texts. Both are subject to the same limits."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_is_set("text"), _is_set("texts")]})

    text: Text | None = None
    """A single text. Exactly one of `text` and `texts` must be set."""
    texts: Annotated[list[Text], Field(min_length=1)] | None = None
    """A list of texts. Results are returned in the same order."""

    @model_validator(mode="after")
    def _text_or_texts(self) -> Self:
        if (self.text is None) == (self.texts is None):
            raise ValueError("set either text or texts")
        return self

    def located(self) -> list[tuple[str, str]]:
        """Each text with its JSON pointer into the body."""
        if self.text is not None:
            return [("/text", self.text)]
        return [(f"/texts/{index}", text) for index, text in enumerate(self.texts or [])]
