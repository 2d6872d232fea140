"""Scores of phrase pairs: relative frequencies and lexical weights (Koehn, Och and Marcu 2003)."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from training.phrases.extraction import PhraseSpans
from training.phrases.symmetrization import Links
from training.phrases.words import WordTable

_DISCOUNT = 0.5
"""Subtracted from counts, as what occurs once is less certain (Foster, Kuhn and Johnson 2006)."""
_ALONE = 10
"""How many others an occurrence between marks counts for, since that is how phrases are used: "No."
is "Nein.", although "no" is "kein" more often."""


class PhraseTable(NamedTuple):
    """The phrase pairs of a text, each once."""

    spans: PhraseSpans
    """The first occurrence of each."""
    source: Int[np.ndarray, " pairs"]
    """A number for each source phrase."""
    frequency: Int[np.ndarray, " pairs"]
    """Occurrences of the source phrase."""
    occurrences: Int[np.ndarray, " pairs"]
    closes: Float[np.ndarray, " pairs"]
    """How often the phrase or its translation, whichever does more often, ends a sentence or
    precedes a mark."""
    alone: Bool[np.ndarray, " pairs"]
    """Whether the pair has occurred between marks on both sides."""
    probability: Float[np.ndarray, " pairs"]
    """The product of the relative frequencies of both directions."""
    weight: Float[np.ndarray, " pairs"]
    """The logarithm of the product of the lexical weights of both directions, the largest of all
    occurrences."""


def score_phrases(
    source: WordTable, target: WordTable, links: Links, spans: PhraseSpans
) -> PhraseTable:
    """The pairs of which `spans` are the occurrences."""
    phrase, translation = _number(source, *spans.of_source), _number(target, *spans.of_target)
    _, first, pair, count = np.unique(
        phrase * (translation.max(initial=0) + 1) + translation,
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    closes = source.closes[spans.source_end - 1]
    other_closes = target.closes[spans.target_end - 1]
    alone = source.opens[spans.source_start] & closes
    alone &= target.opens[spans.target_start] & other_closes
    uses = np.where(alone, _ALONE, 1)
    seen = np.bincount(pair, uses) - _DISCOUNT
    weight = np.full(len(first), -np.inf)
    forward = span_sums(log_weights(source, target, links), *spans.of_target)
    backward = span_sums(log_weights(target, source, links[:, ::-1]), *spans.of_source)
    np.maximum.at(weight, pair, forward + backward)
    return PhraseTable(
        spans=spans.take(first),
        source=phrase[first],
        frequency=np.bincount(phrase)[phrase[first]],
        occurrences=count,
        closes=np.maximum(
            rates(phrase, closes)[phrase[first]],
            rates(translation, other_closes)[translation[first]],
        ),
        alone=np.bincount(pair, alone) > 0,
        probability=(seen / np.bincount(phrase, uses)[phrase[first]])
        * (seen / np.bincount(translation, uses)[translation[first]]),
        weight=weight,
    )


def log_weights(source: WordTable, target: WordTable, links: Links) -> Float[np.ndarray, " words"]:
    """The logarithm of each target word's factor in the lexical weight of a phrase: the mean of
    w(target word | source word) over its links, where w is the relative frequency of links. A word
    without links is linked to the null word."""
    linked = np.bincount(links[:, 1], minlength=len(target.ids))
    alone = np.flatnonzero(linked == 0)
    of_target = np.append(links[:, 1], alone)
    source_id = np.append(source.ids[links[:, 0]], np.full(len(alone), -1)).astype(np.int64) + 1
    _, kind, count = np.unique(
        source_id * len(target.forms) + target.ids[of_target],
        return_inverse=True,
        return_counts=True,
    )
    frequency = count[kind] / np.bincount(source_id)[source_id]
    return np.log(np.bincount(of_target, frequency) / np.maximum(linked, 1))


def rates(
    numbers: Int[np.ndarray, " items"], marked: Bool[np.ndarray, " items"]
) -> Float[np.ndarray, " numbers"]:
    """By number: the fraction of the items with this number that are marked."""
    return np.bincount(numbers, marked) / np.maximum(np.bincount(numbers), 1)


def span_sums(
    values: Float[np.ndarray, " words"], start: Int[np.ndarray, " spans"], end: np.ndarray
) -> Float[np.ndarray, " spans"]:
    """The sum of the values of the words from `start` to `end`."""
    sums = np.append(0, np.cumsum(values))
    return sums[end] - sums[start]


def _number(words: WordTable, start: np.ndarray, end: np.ndarray) -> Int[np.ndarray, " spans"]:
    """A number for each span, the same for spans of the same words."""
    numbers = words.ids[start].astype(np.int64)
    for place in range(1, int((end - start).max(initial=0))):
        inside = start + place < end
        following = np.where(inside, words.ids[np.where(inside, start + place, 0)] + 1, 0)
        _, numbers = np.unique(numbers * (len(words.forms) + 1) + following, return_inverse=True)
    return numbers
