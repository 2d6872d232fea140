"""Words and short phrases with their translations, from sentence pairs.

A model that has only seen sentences makes a sentence of whatever it is given, also of "Dog". So
recipes may add words and phrases of the same sentences, found as in phrase-based translation
(Koehn, Och and Marcu 2003): words are aligned, and spans that are aligned with each other are
phrase pairs.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from training.phrases.alignment import align
from training.phrases.extraction import extract_phrases
from training.phrases.scoring import PhraseTable, rates, score_phrases, span_sums
from training.phrases.symmetrization import Links, symmetrize
from training.phrases.words import WordTable, is_joiner, split_into_words

_LONGEST = 5
"""Words of the longest phrase."""
_PROBABLE = 0.02
"""Product of the relative frequencies of both directions that a pair must have."""
_LIKELY = -1.2
"""Mean of the logarithms of the lexical weights of its words that a phrase seen once must have."""
_OPENS = 0.005
"""How often the first word of a phrase must begin a sentence or follow a mark, in one language at
least: what begins with "brother" is cut off."""
_CLOSES = 0.05
"""How often the last word of a phrase must end a sentence or precede a mark, in both languages:
what ends with "of" is cut off."""
_COMPLETE = 0.1
"""How often a phrase as a whole must end a sentence or precede a mark."""


def phrase_pairs(
    pairs: Sequence[tuple[str, str]], limit: int | None = None
) -> list[tuple[str, str]]:
    """Words and phrases of the sentence pairs, each with its best translation.

    The best one has the highest product of the relative frequencies and lexical weights of both
    directions. Single words come first, then phrases; of each, the most frequent ones first, and at
    most `limit` in all. They are cased as within sentences, and have no marks at their ends. Those
    with a number or a name that is copied are left out.
    """
    vocabulary: dict[str, int] = {}
    source = split_into_words([source for source, _ in pairs], vocabulary)
    target = split_into_words([target for _, target in pairs], vocabulary)
    links = symmetrize(source, target, align(source, target), align(target, source))
    spans = extract_phrases(source, target, links, _LONGEST)
    copied = _copied(source, target, links)
    spans = spans.take(
        _are_whole(source, *spans.of_source)
        & _are_whole(target, *spans.of_target)
        & (span_sums(copied, *spans.of_source) == 0)
    )
    table = score_phrases(source, target, links, spans)
    best = table.spans.take(_best(source, target, table)[:limit])
    return [
        (source.span(*span), target.span(*other))
        for span, other in zip(
            np.transpose(best.of_source), np.transpose(best.of_target), strict=True
        )
    ]


def _are_whole(words: WordTable, start: np.ndarray, end: np.ndarray) -> Bool[np.ndarray, " spans"]:
    """Whether spans begin and end with whole written words, in a case that is known, and have no
    marks but commas in between."""
    inner = np.array([is_joiner(form) or form == "," for form in words.forms], bool)
    stops = words.is_mark & ~inner[words.ids]
    joined = np.append(words.joined, False)
    at_ends = words.is_mark[start] | words.is_mark[end - 1] | joined[start] | joined[end]
    return ~at_ends & words.is_cased[start] & (span_sums(stops, start, end) == 0)


def _copied(source: WordTable, target: WordTable, links: Links) -> Bool[np.ndarray, " words"]:
    """Whether each source word is linked to itself and is a number or a name. Common words, which
    are in lower case, may be equal in both languages."""
    same = source.ids[links[:, 0]] == target.ids[links[:, 1]]
    copied = np.zeros(len(source.ids), bool)
    copied[links[same, 0]] = True
    return copied & ~np.array([form.islower() for form in source.forms], bool)[source.ids]


def _best(source: WordTable, target: WordTable, table: PhraseTable) -> np.ndarray:
    """The pairs that `phrase_pairs` returns, in that order, as indices into the table."""
    start, end, other_start, other_end = table.spans
    lengths, other_lengths = end - start, other_end - other_start
    opens = rates(source.ids, source.opens)[source.ids[start]]
    other_opens = rates(target.ids, target.opens)[target.ids[other_start]]
    closes = rates(source.ids, source.closes)[source.ids[end - 1]]
    other_closes = rates(target.ids, target.closes)[target.ids[other_end - 1]]
    is_word = (lengths == 1) & (other_lengths == 1)
    is_phrase = (
        (table.closes >= _COMPLETE)
        & (np.minimum(closes, other_closes) >= _CLOSES)
        # A compound is not cut off: "department store" is "Warenhaus".
        & ((np.maximum(opens, other_opens) >= _OPENS) | (np.minimum(lengths, other_lengths) == 1))
        # Of one word, several words may be an idiom that is cut off.
        & ((table.occurrences > 1) | (lengths > 1))
        & (
            (table.occurrences > 1)
            | table.alone
            | (table.weight >= _LIKELY * (lengths + other_lengths))
        )
    )
    # Of the forms of a word, the one that can be last is the one that stands alone: "groß" is, and
    # "großen" is not.
    score = (
        np.log(table.probability) + table.weight + np.where(is_word, np.log(other_closes + 0.05), 0)
    )
    fit = np.flatnonzero((table.probability >= _PROBABLE) & (is_word | is_phrase))
    fit = fit[np.lexsort([-score[fit], table.source[fit]])]
    best = fit[np.append(True, np.diff(table.source[fit]) > 0)[: len(fit)]]
    return best[np.lexsort([-table.frequency[best], lengths[best] > 1])]
