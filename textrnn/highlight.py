"""Entities in colour, where they stand in their text, for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


def highlight(text: str, entities: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Text:
    """The text with each entity in its label's colour, and behind it the label and its score.

    Control characters are shown as their pictures, so that a text cannot steer the terminal.
    """
    shown, here = Text(), 0
    for entity in entities:
        colour = _COLOURS[labels.index(entity["label"]) % len(_COLOURS)]
        shown.append(_visible(text[here : entity["start"]]))
        shown.append(_visible(entity["text"]), style=f"bold {colour}")
        shown.append(f" {entity['label']} {entity['score']:.2f}", style=f"dim {colour}")
        here = entity["end"]
    return shown.append(_visible(text[here:]))


_VISIBLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
_VISIBLE |= dict.fromkeys(range(0x7F, 0xA0), 0xFFFD)  # DEL, and C1, which some terminals obey


def _visible(text: str) -> str:
    return text.translate(_VISIBLE)
