"""Changes of a phrase of a pair together with its translation, by the alignment of their words.

My sister lives here.       My *sister* lives here.     My sister (she sings) lives here.
Meine Schwester wohnt hier. Meine *Schwester* wohnt ... Meine Schwester (sie singt) wohnt ...
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from textrnn.text.treebank import Offsets, treebank_tokens

WordLinks = Sequence[tuple[int, int]]
"""Pairs of the places of a source word and of a target word, among `treebank_tokens`."""

SLOT = "{name}"
"""A literal; for the tokenizer all of them are the same."""
_WRAPPINGS = (
    ("(", ")"),
    ("[", "]"),
    ('"', '"'),
    ("'", "'"),
    ("*", "*"),
    ("<b>", "</b>"),
)
_TRIES = 4


class PhrasePair(NamedTuple):
    """Spans of characters of a phrase and its translation."""

    source: Offsets
    target: Offsets


def wrapped(source: str, target: str, links: WordLinks | None, random: Random) -> tuple[str, str]:
    """A phrase and its translation in brackets, quotes or markup; without links the whole pair."""
    opening, closing = random.choice(_WRAPPINGS)
    if links is None:
        return f"{opening}{source}{closing}", f"{opening}{target}{closing}"
    phrase = _phrase(source, target, links, 5, random)
    if phrase is None:
        return source, target
    (start, end), (first, last) = phrase
    return (
        f"{source[:start]}{opening}{source[start:end]}{closing}{source[end:]}",
        f"{target[:first]}{opening}{target[first:last]}{closing}{target[last:]}",
    )


def with_slot(source: str, target: str, links: WordLinks, random: Random) -> tuple[str, str]:
    """The pair with a placeholder instead of a phrase of one or two words."""
    phrase = _phrase(source, target, links, 2, random)
    if phrase is None:
        return source, target
    (start, end), (first, last) = phrase
    return (
        source[:start] + SLOT + source[end:],
        target[:first] + SLOT + target[last:],
    )


def with_insertion(
    source: str, target: str, links: WordLinks, inserted: tuple[str, str], random: Random
) -> tuple[str, str]:
    """The pair with another one in brackets, at a place before which and after which each word is
    translated on the same side; at least at its end."""
    sources, targets = list(treebank_tokens(source)), list(treebank_tokens(target))
    places = []
    for at in range(1, len(sources)):
        before = [j for i, j in links if i < at]
        after = [j for i, j in links if i >= at]
        if before and after and max(before) < min(after) and max(before) + 1 < len(targets):
            places.append((sources[at - 1][1], targets[max(before)][1]))
    if not places:
        return source, target
    end, last = random.choice(places)
    return (
        f"{source[:end]} ({inserted[0]}){source[end:]}",
        f"{target[:last]} ({inserted[1]}){target[last:]}",
    )


def _phrase(
    source: str, target: str, links: WordLinks, longest: int, random: Random
) -> PhrasePair | None:
    """A phrase of words, and the phrase of words that it is aligned with; None if none was found.

    They are consistent: no word of either is aligned with a word outside of the other (Koehn et al.
    2003, section 4.1).
    """
    sources, targets = list(treebank_tokens(source)), list(treebank_tokens(target))
    for _ in range(_TRIES):
        length = random.randint(1, min(longest, len(sources)))
        start = random.randrange(len(sources) - length + 1)
        end = start + length
        inside = [j for i, j in links if start <= i < end]
        if not inside:
            continue
        first, last = min(inside), max(inside) + 1
        consistent = all(start <= i < end for i, j in links if first <= j < last)
        words = [*(source[slice(*span)] for span in sources[start:end])]
        words += (target[slice(*span)] for span in targets[first:last])
        if consistent and last - first <= longest + 1 and all(word.isalpha() for word in words):
            return PhrasePair(
                (sources[start][0], sources[end - 1][1]),
                (targets[first][0], targets[last - 1][1]),
            )
    return None
