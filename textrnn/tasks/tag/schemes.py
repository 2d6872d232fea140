"""Entities as one tag a token, and back: IOB1, IOB2 and IOBES.

tokens  Mr.    New    York   Times  met
IOBES   S-PER  B-ORG  I-ORG  E-ORG  O
IOB2    B-PER  B-ORG  I-ORG  I-ORG  O
IOB1    I-PER  I-ORG  I-ORG  I-ORG  O      (B- only where one follows another of its type)
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Bool

from textrnn.errors import UserError

Scheme = Literal["IOB1", "IOB2", "IOBES"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
_PREFIXES = frozenset("BIES")


class Span(NamedTuple):
    """The tokens from `start` up to `end`, which is not among them."""

    start: int
    end: int
    label: str


def parse(tag: str) -> tuple[str, str]:
    """("B", "PER") from "B-PER", and ("O", "") from "O". Raises UserError for anything else."""
    if tag == "O":
        return "O", ""
    prefix, dash, label = tag.partition("-") if isinstance(tag, str) else ("", "", "")
    if not dash or not label or prefix not in _PREFIXES:
        raise UserError(f"unknown tag {tag!r}: tags are O, or B-, I-, E- or S- and a type")
    return prefix, label


def spans(tags: Iterable[str]) -> list[Span]:
    """The entities of tags in any scheme. Tags that break their scheme are read as conlleval reads
    them (Tjong Kim Sang and Buchholz 2000): an I- that continues nothing begins an entity.

    Raises UserError for a tag of no scheme.
    """
    found: list[Span] = []
    start, before, open_label = 0, "O", ""
    for index, tag in enumerate([*tags, "O"]):
        prefix, label = parse(tag)
        continues = prefix in "IE" and before in "BI" and label == open_label
        if before != "O" and not continues:
            found.append(Span(start, index, open_label))
        if not continues:
            start = index
        before, open_label = prefix, label
    return found


def tags(entities: Iterable[Span], length: int, scheme: Scheme = "IOBES") -> list[str]:
    """One tag for each of `length` tokens. Raises ValueError where entities overlap."""
    result = ["O"] * length
    for start, end, label in sorted(entities):
        if result[start] != "O" or end > length or end <= start:
            raise ValueError(f"the span {start}:{end} is empty, too long, or overlaps another")
        result[start:end] = [f"I-{label}"] * (end - start)
        if scheme == "IOBES":
            result[start] = f"B-{label}"
            result[end - 1] = f"E-{label}" if end - start > 1 else f"S-{label}"
        elif scheme == "IOB2" or (start and result[start - 1] in (f"I-{label}", f"B-{label}")):
            result[start] = f"B-{label}"
    return result


def breaks(found: Sequence[str], scheme: Scheme) -> int:
    """How many of the tags are others than the scheme would have for these entities."""
    right = tags(spans(found), len(found), scheme)
    return sum(a != b for a, b in zip(found, right, strict=True))


def tagset(labels: Sequence[str]) -> list[str]:
    """All tags of IOBES for these types: O first, then B, I, E and S of each type."""
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BIES")]


def legal(tagset: Sequence[str]) -> tuple[Bool[np.ndarray, " tags"], Bool[np.ndarray, "tags tags"]]:
    """Which tags of IOBES may come first, and which [from, to] may follow one another. Which may
    come last is `legal(...)[1][:, 0]`: those that O may follow."""
    parts = [parse(tag) for tag in tagset]
    closed = np.array([prefix in "OES" for prefix, _ in parts])
    opening = np.array([prefix in "OBS" for prefix, _ in parts])
    inside = [
        [prefix in "BI" and onward in "IE" and label == other for onward, other in parts]
        for prefix, label in parts
    ]
    return opening, np.array(inside) | (closed[:, None] & opening)
