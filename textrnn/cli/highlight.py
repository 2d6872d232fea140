"""Entities highlighted in their text, for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from textrnn.cli.tables import visible

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


def highlight(text: str, entities: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Text:
    """The text with each entity in the colour of its label, followed by the label and the score.

    Control characters are replaced by visible symbols, so that a text cannot control the terminal.
    """
    highlighted, position = Text(), 0
    for entity in entities:
        colour = _COLOURS[labels.index(entity["label"]) % len(_COLOURS)]
        highlighted.append(visible(text[position : entity["start"]]))
        highlighted.append(visible(entity["text"]), style=f"bold {colour}")
        highlighted.append(f" {entity['label']} {entity['score']:.2f}", style=f"dim {colour}")
        position = entity["end"]
    return highlighted.append(visible(text[position:]))
