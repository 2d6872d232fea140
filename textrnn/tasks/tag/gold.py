"""The gold of a row for tagging: tags for its tokens, or entities in its text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from textrnn.errors import UserError
from textrnn.rows import Row
from textrnn.tasks.tag.schemes import Span, spans, tags
from textrnn.tasks.tag.span_f1 import Entity


def labels_of(row: Row, entities: bool) -> set[str]:
    """The labels that occur in a row."""
    return {label for _, _, label in gold_spans(row, entities)}


def gold_spans(row: Row, entities: bool) -> list[Span]:
    """The spans of a row: by words where it has tokens, else by characters. Raises UserError."""
    gold = "tags" if "tokens" in row else "entities"
    if gold not in row:
        raise UserError(f"the row has no {gold!r}; what it has: {', '.join(row)}")
    if not isinstance(row[gold], list):
        raise UserError(f"{gold} must be a list, found {row[gold]!r:.80}")
    if gold == "entities":
        return [_given_entity(entity, str(row.get("text"))) for entity in row["entities"]]
    found = row["tags"]
    if len(found) != len(row["tokens"]):
        raise UserError(f"there are {len(row['tokens'])} tokens but {len(found)} tags")
    return spans(found) if entities else [Span(i, i + 1, tag) for i, tag in enumerate(found)]


def _given_entity(entity: Any, text: str) -> Span:
    try:
        span = Span(entity["start"], entity["end"], entity["label"])
        if 0 <= span.start < span.end <= len(text) and isinstance(span.label, str):
            return span
    except (TypeError, KeyError):
        pass
    raise UserError(
        "an entity must have start, end and label, with 0 <= start < end <= "
        f"{len(text)}, the length of the text; found {entity!r:.120}"
    )


def on_words(gold: Sequence[Span], places: Sequence[tuple[int, int]]) -> list[Span]:
    """Spans of characters as spans of the words that they touch."""
    starts, ends = np.array(places).T
    return [
        Span(
            int(np.searchsorted(ends, start, side="right")),
            int(np.searchsorted(starts, end, side="left")),
            label,
        )
        for start, end, label in gold
    ]


def within(gold: Sequence[Span], first: int, last: int) -> list[Span]:
    """The spans between two words, counted from the first of these. Of one that goes on beyond
    them its part."""
    return [
        Span(max(start, first) - first, min(end, last) - first, label)
        for start, end, label in gold
        if start < last and end > first
    ]


def gold_and_found(
    rows: Sequence[Row], answers: Sequence[Row], entities: bool
) -> tuple[list[Entity], list[Entity]]:
    """What rows have and what answers have, over all rows."""
    gold = [
        (number, start, end, label)
        for number, row in enumerate(rows)
        for start, end, label in gold_spans(row, entities)
    ]
    found = [
        (number, entity["start"], entity["end"], entity["label"])
        for number, answer in enumerate(answers)
        for entity in answer["entities"]
    ]
    return gold, found


def tags_of(found: Sequence[Span], words: int, entities: bool) -> list[str]:
    """One tag for each word: of IOB2, or its label, or _ where it has none."""
    if entities:
        return tags(found, words, "IOB2")
    labels = {start: label for start, _, label in found}
    return [labels.get(index, "_") for index in range(words)]


def tokens_right(rows: Sequence[Row], answers: Sequence[Row], entities: bool) -> tuple[int, int]:
    """Of the rows that have tokens, how many tokens there are, and how many have the right tag."""
    tokens = right = 0
    for row, answer in zip(rows, answers, strict=True):
        if "tokens" in row:
            length = len(row["tokens"])
            given = [Span(e["start"], e["end"], e["label"]) for e in answer["entities"]]
            gold = tags_of(gold_spans(row, entities), length, entities)
            tokens += length
            pairs = zip(gold, tags_of(given, length, entities), strict=True)
            right += sum(a == b for a, b in pairs)
    return tokens, right
