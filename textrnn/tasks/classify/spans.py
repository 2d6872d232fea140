"""Spans of a text that changes its label, such as its language.

    text    Das ist gut, he said.
    units   Das | ist | gut, | he | said.
    spans   de [0, 12)         en [13, 21)

The classifier reads each unit by itself. A hidden Markov model (Rabiner 1989) relates them: the
label of a unit is that of the unit before, except for a switch of small probability, to any other
label alike. The classifier's probabilities stand for its emissions, as in hybrids of networks and
Markov models (Bourlard & Morgan 1994). So a switch must be worth its cost: a name or a loan word
alone makes no span.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import regex
from jaxtyping import Float, Int

from textrnn.text.treebank import Offsets

SWITCH = 0.02
"""Probability that the label changes from one unit to the next."""
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
"""Scripts that put no space between words."""
_LETTER = rf"(?: (?!\p{{M}}) [{_UNSPACED}] \p{{M}}*+ )"
"""Of such a script, with its marks."""
_UNSEEN = r"\s\p{Z}\p{Cc}\p{Cf}\u034f\u115f\u1160\u2800\u3164\uffa0"
_UNIT = regex.compile(
    rf"""
      {_LETTER}{{1,6}}+ (?! {_LETTER} ) | {_LETTER}{{3}}
    | [^{_UNSEEN}{_UNSPACED}\p{{M}}] (?: [\u200c\u200d]* [^{_UNSEEN}{_UNSPACED}] )*+
    """,
    regex.VERBOSE,
)
"""The end of a long run of letters is left in one piece, as a single letter says little."""


class LabelSpan(NamedTuple):
    start: int
    """Index of the first unit."""
    end: int
    """Index after the last unit."""
    label: int
    probability: float
    """Of this label for all of its units."""


def split_units(text: str) -> list[Offsets]:
    """Offsets of the units of a text: what stands between white space, or three to six letters of a
    script that is written without. No unit begins or ends with a character that is not seen.

    >>> text = "well, 今日はとても寒い!"
    >>> [text[start:end] for start, end in split_units(text)]
    ['well,', '今日は', 'とても寒い', '!']
    """
    return [match.span() for match in _UNIT.finditer(text)]


def label_spans(scores: Float[np.ndarray, "units labels"]) -> list[LabelSpan]:
    """The spans of the most probable labels, which cover all units in order.

    `scores` are the log-probabilities of the labels of each unit, up to a constant for each unit.
    """
    if not len(scores):
        return []
    path = _best_path(scores)
    forward = _forward(scores)
    backward = _forward(scores[::-1])[::-1] - scores
    log_total = _log_sum(forward[-1])
    ends = [*np.flatnonzero(np.diff(path)) + 1, len(path)]
    spans = []
    for start, end in pairwise([0, *ends]):
        label = path[start]
        inside = scores[start + 1 : end, label].sum() + (end - start - 1) * _STAY
        log_stretch = forward[start, label] + inside + backward[end - 1, label]
        probability = np.exp(min(log_stretch - log_total, 0.0))
        spans.append(LabelSpan(int(start), int(end), int(label), float(probability)))
    return spans


_STAY = np.log(1 - SWITCH)


def _log_switch(labels: int) -> float:
    """The logarithm of the probability to switch to one of the other labels."""
    return np.log(SWITCH / max(labels - 1, 1))


def _forward(scores: Float[np.ndarray, "units labels"]) -> Float[np.ndarray, "units labels"]:
    """The logarithm of the sum over all paths up to a unit that give it this label."""
    switch = _log_switch(scores.shape[1])
    more = np.log(1 - SWITCH - np.exp(switch))  # what staying has above a switch to any label
    sums = np.array(scores, np.float64)
    for last, row in pairwise(sums):
        row += np.logaddexp(last + more, _log_sum(last) + switch)
    return sums


def _log_sum(logarithms: Float[np.ndarray, " n"]) -> float:
    """Faster than `logaddexp.reduce`."""
    highest = logarithms.max()
    return highest + np.log(np.exp(logarithms - highest).sum())


def _best_path(scores: Float[np.ndarray, "units labels"]) -> Int[np.ndarray, " units"]:
    """The label of each unit on the most probable path (Viterbi 1967)."""
    switch = _log_switch(scores.shape[1])
    best = scores[0]
    origins = []
    for row in scores[1:]:
        origin = int(best.argmax())
        stays = best + _STAY >= best[origin] + switch
        origins.append((origin, stays))
        best = row + np.where(stays, best + _STAY, best[origin] + switch)
    path = [int(best.argmax())]
    for origin, stays in reversed(origins):
        path.append(path[-1] if stays[path[-1]] else origin)
    return np.array(path[::-1])
