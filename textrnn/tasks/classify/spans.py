"""Spans of a text that changes its label, such as its language.

    text    Das ist gut, he said.
    units   Das | ist | gut, | he | said.
    spans   de [0, 12)         en [13, 21)

The classifier reads each unit by itself. A hidden Markov model (Rabiner 1989) relates them: from
one unit to the next, the label is drawn anew with a small probability, and else stays. It is drawn
from the labels of this text, by how probable each is on average. The classifier's probabilities
stand for the emissions, as in hybrids of networks and Markov models (Bourlard & Morgan 1994). So a
change must be worth its cost: a name or a loan word alone makes no span.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import regex
from jaxtyping import Float, Int

from textrnn.text.treebank import Offsets

REDRAWN = 0.05
"""Probability that the label is drawn anew from one unit to the next."""
_KEPT = np.log(1 - REDRAWN)
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


_Scores = Float[np.ndarray, "units labels"]
_Logs = Float[np.ndarray, " labels"]
"""Logarithms of probabilities, as everywhere here."""


class LabelSpan(NamedTuple):
    start: int
    """Index of the first unit."""
    end: int
    """Index after the last unit."""
    label: int
    probability: float
    """Of this label, averaged over the units."""


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
    scores = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    drawn = np.logaddexp.reduce(scores, axis=0) - np.log(len(scores))
    redrawn = drawn + np.log(REDRAWN)
    path = _best_path(scores, drawn, redrawn)
    forward = _forward(scores, drawn, redrawn)
    marginals = np.exp(forward + _backward(scores, redrawn) - _log_sum(forward[-1]))
    ends = [*np.flatnonzero(np.diff(path)) + 1, len(path)]
    spans = []
    for start, end in pairwise([0, *ends]):
        label = path[start]
        probability = marginals[start:end, label].mean()
        spans.append(LabelSpan(int(start), int(end), int(label), min(float(probability), 1.0)))
    return spans


def _forward(scores: _Scores, drawn: _Logs, redrawn: _Logs) -> _Scores:
    """The logarithm of the sum over all paths up to a unit that give it this label."""
    sums = scores.copy()
    sums[0] += drawn
    for last, row in pairwise(sums):
        row += np.logaddexp(last + _KEPT, _log_sum(last) + redrawn)
    return sums


def _backward(scores: _Scores, redrawn: _Logs) -> _Scores:
    """The logarithm of the sum over all paths from a unit on that has this label."""
    sums = np.zeros_like(scores)
    for number in range(len(scores) - 1, 0, -1):
        following = sums[number] + scores[number]
        sums[number - 1] = np.logaddexp(following + _KEPT, _log_sum(following + redrawn))
    return sums


def _log_sum(logarithms: _Logs) -> float:
    """Faster than `logaddexp.reduce`."""
    highest = logarithms.max()
    return highest + np.log(np.exp(logarithms - highest).sum())


def _best_path(scores: _Scores, drawn: _Logs, redrawn: _Logs) -> Int[np.ndarray, " units"]:
    """The label of each unit on the most probable path (Viterbi 1967)."""
    stays = np.logaddexp(_KEPT, redrawn)
    best = scores[0] + drawn
    origins = []
    for row in scores[1:]:
        origin = int(best.argmax())
        same, other = best + stays, best[origin] + redrawn
        origins.append(np.where(same >= other, np.arange(len(best)), origin))
        best = row + np.maximum(same, other)
    path = [int(best.argmax())]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1])
