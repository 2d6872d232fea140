"""JSON schemas of single fields."""

from typing import Any

from pydantic import BaseModel


def field_schema(model: type[BaseModel], name: str) -> dict[str, Any]:
    """The JSON schema of a field: its bounds, default and description, whether or not it may be
    null."""
    schema = dict(model.model_json_schema()["properties"][name])
    choices = [choice for choice in schema.pop("anyOf", []) if choice.get("type") != "null"]
    if len(choices) == 1:
        schema |= choices[0]
    elif choices:
        schema["anyOf"] = choices
    schema.pop("title", None)
    return schema
