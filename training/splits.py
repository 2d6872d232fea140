"""Deterministic splits of training data: by the hash of a group, or by position in the text."""

import hashlib
from collections.abc import Sequence

from textrnn.rows import Row


def in_dev(group: str, fraction: float) -> bool:
    """Whether a group is among the `fraction` of all groups that development gets."""
    digest = hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) < fraction * 2**64


def by_position(rows: Sequence[Row], start: float, end: float) -> list[Row]:
    """The part of the concatenated texts of `rows` between two fractions of their characters.

    >>> by_position([{"text": "abcd"}, {"text": "efghij"}], 0.3, 0.5)
    [{'text': 'd'}, {'text': 'e'}]
    """
    total = sum(len(row["text"]) for row in rows)
    first, last = int(start * total), int(end * total)
    part, before = [], 0
    for row in rows:
        text = row["text"][max(first - before, 0) : max(last - before, 0)]
        before += len(row["text"])
        if text:
            part.append({**row, "text": text})
    return part
