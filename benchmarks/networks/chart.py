"""Bar charts as SVG."""

from collections.abc import Mapping
from html import escape

WIDTH, LABEL, BAR, GAP = 420, 130, 14, 4
"""Pixels: of a chart, of the names beside the bars, of a bar and between two."""
COLUMNS = 2


def bar_chart(charts: Mapping[str, Mapping[str, float]]) -> str:
    """A document with a chart of horizontal bars for each title, in the order given.

    Bars begin at zero. The colours are those of the text, so that they suit a light and a dark
    page.
    """
    height = 40 + max(map(len, charts.values())) * (BAR + GAP)
    rows = -(-len(charts) // COLUMNS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {COLUMNS * WIDTH} {rows * height}" '
        'font-family="sans-serif" font-size="12" fill="#777">'
    ]
    for index, (title, values) in enumerate(charts.items()):
        x, y = index % COLUMNS * WIDTH, index // COLUMNS * height
        parts.append(f'<text x="{x}" y="{y + 18}" font-weight="bold">{escape(title)}</text>')
        largest = max(values.values())
        for place, (name, value) in enumerate(values.items()):
            top = y + 30 + place * (BAR + GAP)
            length = (WIDTH - LABEL - 60) * value / largest
            middle = top + BAR - 3
            parts += [
                f'<text x="{x + LABEL - 6}" y="{middle}" text-anchor="end">{escape(name)}</text>',
                f'<rect x="{x + LABEL}" y="{top}" width="{length:.1f}" height="{BAR}" '
                f'fill="{"#d95f02" if name == "lstm" else "#7570b3"}"/>',
                f'<text x="{x + LABEL + length + 4:.1f}" y="{middle}">{value:.3g}</text>',
            ]
    return "\n".join([*parts, "</svg>", ""])
