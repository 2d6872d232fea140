"""Attention weights as a character heat map: source tokens across, target tokens down."""

from collections.abc import Sequence

_SHADES = " ░▒▓█"


def heatmap(columns: Sequence[str], rows: Sequence[str], weights: Sequence[Sequence[float]]) -> str:
    """Draw weights between 0 and 1 as shades. Column names are written vertically.

    >>> print(heatmap(["a", "cat"], ["eine", "Katze"], [[0.9, 0.1], [0.0, 1.0]]))
           a c
             a
             t
     eine  █ ·
    Katze    █
    """
    names = [_visible(name) for name in columns]
    height = max(map(len, names), default=0)
    margin = max((len(_visible(row)) for row in rows), default=0)
    lines = []
    for level in range(height):
        letters = (name[level : level + 1] or " " for name in names)
        lines.append(" " * margin + "  " + " ".join(letters))
    for row, values in zip(rows, weights, strict=True):
        lines.append(f"{_visible(row):>{margin}}  " + " ".join(map(_shade, values)))
    return "\n".join(line.rstrip() for line in lines)


def _shade(weight: float) -> str:
    if 0.02 <= weight < 0.125:
        return "·"
    return _SHADES[min(int(weight * 4 + 0.5), 4)]


def _visible(token: str) -> str:
    """The token without control characters, and without its space marker unless it is only that."""
    shown = token.strip("▁") or token
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)
