"""Phrase pairs that a word alignment supports (Koehn, Och and Marcu 2003).

A span of source words and one of target words are a phrase pair if at least one link connects them
and none leads from a word of one to a word outside the other.
"""

from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Int

from training.phrases.symmetrization import Links
from training.phrases.words import WordTable

Spans = Int[np.ndarray, " spans"]


class PhraseSpans(NamedTuple):
    """Words `start` to `end` of the source, and those of the target, of each phrase pair."""

    source_start: Spans
    source_end: Spans
    target_start: Spans
    target_end: Spans

    @property
    def of_source(self) -> tuple[Spans, Spans]:
        return self.source_start, self.source_end

    @property
    def of_target(self) -> tuple[Spans, Spans]:
        return self.target_start, self.target_end

    def take(self, chosen: np.ndarray) -> Self:
        """The pairs with these indices, or those where a mask is true."""
        return type(self)(*(each[chosen] for each in self))


class _Reach(NamedTuple):
    """The first and the last word of the other side that each word is linked to, and for a word
    without links a first that is after the last."""

    first: np.ndarray
    last: np.ndarray


def extract_phrases(
    source: WordTable, target: WordTable, links: Links, longest: int
) -> PhraseSpans:
    """All phrase pairs with at most `longest` words on each side, each occurrence by itself.

    Only those whose first and last words have links: a word without one at an end of a phrase is
    as likely to belong to what is around it.
    """
    across = _reach(links[:, 0], links[:, 1], len(source.ids), len(target.ids))
    back = _reach(links[:, 1], links[:, 0], len(target.ids), len(source.ids))
    linked = across.last >= 0
    found = []
    for length, reach in enumerate(_windows(across, longest), start=1):
        start = np.arange(len(reach.first))
        end = start + length
        width = reach.last - reach.first + 1
        kept = (source.rows[start] == source.rows[end - 1]) & linked[start] & linked[end - 1]
        kept &= width <= longest
        found.append(np.stack([start, end, reach.first, reach.last + 1])[:, kept])
    start, end, first, after = np.concatenate(found, axis=1)
    consistent = np.zeros(len(start), bool)
    for width, reach in enumerate(_windows(back, longest), start=1):
        these = np.flatnonzero(after - first == width)
        low, high = reach.first[first[these]], reach.last[first[these]]
        consistent[these] = (start[these] <= low) & (high < end[these])
    return PhraseSpans(start, end, first, after).take(consistent)


def _reach(here: np.ndarray, there: np.ndarray, size: int, other_size: int) -> _Reach:
    first, last = np.full(size, other_size), np.full(size, -1)
    np.minimum.at(first, here, there)
    np.maximum.at(last, here, there)
    return _Reach(first, last)


def _windows(reach: _Reach, longest: int) -> Iterator[_Reach]:
    """The reach of all spans of 1, 2, ... and `longest` words, by their first word."""
    window = reach
    for length in range(1, min(longest, max(len(reach.first), 1)) + 1):
        if length > 1:
            window = _Reach(
                np.minimum(window.first[:-1], reach.first[length - 1 :]),
                np.maximum(window.last[:-1], reach.last[length - 1 :]),
            )
        yield window
