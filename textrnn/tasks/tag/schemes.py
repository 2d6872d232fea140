"""Conversion between entity spans and one tag per token, in IOB1, IOB2 and IOBES.

tokens  Mr.    New    York   Times  met
IOBES   S-PER  B-ORG  I-ORG  E-ORG  O
IOB2    B-PER  B-ORG  I-ORG  I-ORG  O
IOB1    I-PER  I-ORG  I-ORG  I-ORG  O      (B- only directly after an entity of the same type)
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Bool

from textrnn.errors import UserError

Scheme = Literal["IOB1", "IOB2", "IOBES"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
_PREFIXES = frozenset("BIES")


class TaggedSpan(NamedTuple):
    """A labelled range of tokens or characters; `end` is exclusive."""

    start: int
    end: int
    label: str


def parse(tag: str) -> tuple[str, str]:
    """Split a tag: "B-PER" into ("B", "PER"), "O" into ("O", ""). Raises UserError for others."""
    if tag == "O":
        return "O", ""
    prefix, dash, label = tag.partition("-") if isinstance(tag, str) else ("", "", "")
    if not dash or not label or prefix not in _PREFIXES:
        raise UserError(f"unknown tag {tag!r}: expected O, or B-, I-, E- or S- followed by a type")
    return prefix, label


def spans(tags: Iterable[str]) -> list[TaggedSpan]:
    """The entities of tags in any scheme.

    Invalid sequences are read as conlleval does (Tjong Kim Sang and Buchholz 2000): an I- that does
    not continue an entity begins one. Raises UserError for an unknown tag.
    """
    result: list[TaggedSpan] = []
    start, previous, open_label = 0, "O", ""
    for index, tag in enumerate([*tags, "O"]):
        prefix, label = parse(tag)
        continues = prefix in "IE" and previous in "BI" and label == open_label
        if previous != "O" and not continues:
            result.append(TaggedSpan(start, index, open_label))
        if not continues:
            start = index
        previous, open_label = prefix, label
    return result


def tags(entities: Iterable[TaggedSpan], length: int, scheme: Scheme = "IOBES") -> list[str]:
    """One tag for each of `length` tokens. Raises ValueError if entities overlap."""
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


def count_violations(sequence: Sequence[str], scheme: Scheme) -> int:
    """The number of tags that differ from the scheme's own tags for the same entities."""
    expected = tags(spans(sequence), len(sequence), scheme)
    return sum(a != b for a, b in zip(sequence, expected, strict=True))


def tagset(labels: Sequence[str]) -> list[str]:
    """All IOBES tags for these types: O first, then B, I, E and S of each type."""
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BIES")]


def legal(tagset: Sequence[str]) -> tuple[Bool[np.ndarray, " tags"], Bool[np.ndarray, "tags tags"]]:
    """The IOBES tags that may start a sentence, and the allowed transitions [from, to].

    The tags that may end a sentence are those that O may follow: `legal(...)[1][:, 0]`.
    """
    parts = [parse(tag) for tag in tagset]
    closed = np.array([prefix in "OES" for prefix, _ in parts])
    opening = np.array([prefix in "OBS" for prefix, _ in parts])
    inside = [
        [prefix in "BI" and following in "IE" and label == other for following, other in parts]
        for prefix, label in parts
    ]
    return opening, np.array(inside) | (closed[:, None] & opening)
