"""Rows: one JSON object each, as in training files, batch scoring and requests."""

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]
"""For example {"text": ..., "label": ...}. Gold fields are optional."""


def text_of(row: Row) -> str:
    """The input text of a row: its `text` or `source`, or else its `tokens` joined by spaces."""
    for name in ("text", "source"):
        if name in row:
            return str(row[name])
    return " ".join(row["tokens"])
