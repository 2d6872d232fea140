"""Deterministic splits of training data: by the hash of a group, or by position in the text."""

import hashlib
from collections.abc import Sequence


def in_dev(group: str, fraction: float) -> bool:
    """Whether a group is among the `fraction` of all groups that development gets."""
    digest = hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) < fraction * 2**64


def by_position(lengths: Sequence[int], start: float, end: float) -> list[slice]:
    """What lies between two fractions of the concatenation of texts of these lengths: a slice of
    each text, which may be empty.

    >>> by_position([4, 6], 0.3, 0.5)
    [slice(3, 4, None), slice(0, 1, None)]
    """
    total = sum(lengths)
    first, last = int(start * total), int(end * total)
    slices, before = [], 0
    for length in lengths:
        low, high = (min(max(at - before, 0), length) for at in (first, last))
        slices.append(slice(low, high))
        before += length
    return slices
