"""Gold annotations of a row for tagging: tags of its tokens, or entities in its text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from textrnn.errors import UserError
from textrnn.rows import Row
from textrnn.tasks.tag.schemes import TaggedSpan, spans, tags
from textrnn.tasks.tag.span_f1 import Entity


def labels_of(row: Row, entities: bool) -> set[str]:
    """The set of labels in a row."""
    return {label for _, _, label in gold_spans(row, entities)}


def gold_spans(row: Row, entities: bool) -> list[TaggedSpan]:
    """The gold spans of a row, over words if it has `tokens`, otherwise over characters.

    Raises UserError if they are missing or malformed.
    """
    gold = "tags" if "tokens" in row else "entities"
    if gold not in row:
        raise UserError(f"the row has no {gold!r}; its fields are {', '.join(row)}")
    if not isinstance(row[gold], list):
        raise UserError(f"{gold} must be a list, found {row[gold]!r:.80}")
    if gold == "entities":
        return [_parse_entity(entity, str(row.get("text"))) for entity in row["entities"]]
    tags_given = row["tags"]
    if len(tags_given) != len(row["tokens"]):
        raise UserError(f"there are {len(row['tokens'])} tokens but {len(tags_given)} tags")
    if entities:
        return spans(tags_given)
    return [TaggedSpan(i, i + 1, tag) for i, tag in enumerate(tags_given)]


def _parse_entity(entity: Any, text: str) -> TaggedSpan:
    try:
        span = TaggedSpan(entity["start"], entity["end"], entity["label"])
        if 0 <= span.start < span.end <= len(text) and isinstance(span.label, str):
            return span
    except (TypeError, KeyError):
        pass
    raise UserError(
        "an entity must have start, end and label, with 0 <= start < end <= "
        f"{len(text)}, the length of the text; found {entity!r:.120}"
    )


def on_words(gold: Sequence[TaggedSpan], places: Sequence[tuple[int, int]]) -> list[TaggedSpan]:
    """Convert character spans to spans of the words that they overlap."""
    starts, ends = np.array(places).T
    return [
        TaggedSpan(
            int(np.searchsorted(ends, start, side="right")),
            int(np.searchsorted(starts, end, side="left")),
            label,
        )
        for start, end, label in gold
    ]


def within(gold: Sequence[TaggedSpan], window_start: int, window_end: int) -> list[TaggedSpan]:
    """The spans in a window of words, relative to its start and clipped to it."""
    return [
        TaggedSpan(
            max(start, window_start) - window_start, min(end, window_end) - window_start, label
        )
        for start, end, label in gold
        if start < window_end and end > window_start
    ]


def gold_and_predicted(
    rows: Sequence[Row], answers: Sequence[Row], entities: bool
) -> tuple[list[Entity], list[Entity]]:
    """The gold entities of all rows and the predicted entities of all answers."""
    gold = [
        (number, start, end, label)
        for number, row in enumerate(rows)
        for start, end, label in gold_spans(row, entities)
    ]
    predicted = [
        (number, entity["start"], entity["end"], entity["label"])
        for number, answer in enumerate(answers)
        for entity in answer["entities"]
    ]
    return gold, predicted


def tags_of(labelled: Sequence[TaggedSpan], words: int, entities: bool) -> list[str]:
    """One tag for each word: IOB2 for entities, otherwise its label, or _ without one."""
    if entities:
        return tags(labelled, words, "IOB2")
    labels = {start: label for start, _, label in labelled}
    return [labels.get(index, "_") for index in range(words)]


def count_correct_tokens(
    rows: Sequence[Row], answers: Sequence[Row], entities: bool
) -> tuple[int, int]:
    """The number of tokens in rows that have `tokens`, and of those with the correct tag."""
    tokens = correct = 0
    for row, answer in zip(rows, answers, strict=True):
        if "tokens" in row:
            length = len(row["tokens"])
            predicted = [TaggedSpan(e["start"], e["end"], e["label"]) for e in answer["entities"]]
            gold = tags_of(gold_spans(row, entities), length, entities)
            tokens += length
            pairs = zip(gold, tags_of(predicted, length, entities), strict=True)
            correct += sum(a == b for a, b in pairs)
    return tokens, correct
