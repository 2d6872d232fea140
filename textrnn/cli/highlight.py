"""Entities in colour, where they stand in their text, for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from textrnn.cli.tables import visible

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


def highlight(text: str, entities: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Text:
    """The text with each entity in its label's colour, and behind it the label and its score.

    Control characters are shown as their pictures, so that a text cannot steer the terminal.
    """
    shown, here = Text(), 0
    for entity in entities:
        colour = _COLOURS[labels.index(entity["label"]) % len(_COLOURS)]
        shown.append(visible(text[here : entity["start"]]))
        shown.append(visible(entity["text"]), style=f"bold {colour}")
        shown.append(f" {entity['label']} {entity['score']:.2f}", style=f"dim {colour}")
        here = entity["end"]
    return shown.append(visible(text[here:]))
