"""The report on the data of a recipe, as JSON and as text."""

from collections.abc import Sequence

from textrnn.config import Config
from training.findings import Finding

_LABELS = 20
"""Labels that the text shows."""
_PLACES = 3
"""Places of a finding that the text shows."""
_EXAMPLE = 60
"""Characters of an example that the text shows."""


class SetSummary(Config):
    """The rows of one set that can be used."""

    rows: int
    median: int
    """Characters of the text of the median length."""
    longest: int
    """Characters of the longest text."""


class LabelSummary(Config):
    """How often a label occurs."""

    label: str
    counts: dict[str, int]
    """By set."""
    example: str
    """The text of its first row."""


class DataReport(Config):
    """What was found in the data of a recipe."""

    recipe: str
    task: str
    accepted: bool
    """Whether `textrnn train` trains on this data."""
    sets: dict[str, SetSummary]
    """`train`, and each development set."""
    labels: tuple[LabelSummary, ...]
    """The most frequent first; empty for tasks without labels."""
    findings: tuple[Finding, ...]

    def as_text(self) -> str:
        parts = [f"{self.recipe}: {self.task}", _table(self._set_rows())]
        if self.labels:
            parts.append(_table(self._label_rows()))
        if len(self.labels) > _LABELS:
            parts[-1] += f"\n... and {len(self.labels) - _LABELS} more labels"
        refused = [finding for finding in self.findings if finding.outcome == "refused"]
        others = [finding for finding in self.findings if finding.outcome != "refused"]
        if refused:
            parts.append("\n".join(["Nothing is trained because of:", *map(_finding, refused)]))
        if others:
            parts.append("\n".join(["Counted:", *map(_finding, others)]))
        verdict = "can train on" if self.accepted else "refuses"
        parts.append(f"`textrnn train` {verdict} this data.")
        return "\n\n".join(parts)

    def _set_rows(self) -> list[list[str]]:
        rows = [["set", "rows", "characters: median", "longest"]]
        for name, part in self.sets.items():
            rows.append([name, f"{part.rows:,}", f"{part.median:,}", f"{part.longest:,}"])
        return rows

    def _label_rows(self) -> list[list[str]]:
        rows = [["label", *self.sets, "example"]]
        for label in self.labels[:_LABELS]:
            counts = [f"{label.counts[name]:,}" for name in self.sets]
            rows.append([printable(label.label), *counts, printable(label.example[:_EXAMPLE])])
        return rows


def printable(text: str) -> str:
    """The text on one line, quoted if it is not what it looks like."""
    return text if text.isprintable() and text == " ".join(text.split()) else repr(text)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _finding(finding: Finding) -> str:
    """A finding and its first places."""
    shown = finding.examples[:_PLACES]
    lines = [f"  {finding.line}", *(f"    {each.place}: {each.detail}" for each in shown)]
    more = finding.count - len(shown)
    return "\n".join(lines + ([f"    ... and {more:,} more"] if more else []))
