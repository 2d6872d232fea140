"""Word alignment: which source word is each target word the translation of?

IBM model 2 with the distortion of Dyer, Chahuneau and Smith (2013), "A simple, fast, and effective
reparameterization of IBM model 2". Each target word f chooses the null word with a fixed
probability, and otherwise a source word e, the more probably the closer it is to the diagonal; then
f is drawn from t(f | e). As there, t has a sparse Dirichlet prior and is estimated by variational
Bayes, which keeps rare source words from explaining whatever is near them.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import digamma

from training.phrases.words import WordTable

_NULL = 0.08
"""Probability that a word has no counterpart."""
_TENSION = 4.0
"""How strongly words are drawn to the diagonal."""
_CONCENTRATION = 0.01
"""Concentration of the Dirichlet prior of t(. | e)."""


def align(source: WordTable, target: WordTable, iterations: int = 5) -> Int[np.ndarray, " words"]:
    """The position in `source` of each word of `target`, or -1 for one without a counterpart.

    Rows of the same number are each other's translations. The model is fitted by `iterations` of
    expectation maximisation. Time and memory are proportional to the number of cells: the pairs of
    a target word with a source word, or with the null word, of its row.
    """
    if not len(source.ids) or not len(target.ids):
        return np.full(len(target.ids), -1)
    choices, starts = _cells(source, target)
    prior = _distortion(source, target, choices, starts)
    # Cells of the same two words have one entry in the table t(f | e).
    e = np.where(choices < 0, -1, source.ids[choices]).astype(np.int64) + 1
    types = int(target.ids.max()) + 1
    entries, entry = np.unique(
        e * types + _spread(target.ids, starts, choices), return_inverse=True
    )
    entry, of_source = entry.astype(np.int32), entries // types
    t = np.ones(len(entries), np.float32)
    words = len(np.unique(target.ids))
    for _ in range(iterations):
        posterior = prior * t[entry]
        posterior /= _spread(np.add.reduceat(posterior, starts), starts, choices)
        counts = np.bincount(entry, posterior)
        totals = np.bincount(of_source, counts)[of_source]
        log_t = digamma(counts + _CONCENTRATION) - digamma(totals + _CONCENTRATION * words)
        t = np.exp(log_t).astype(np.float32)
    return choices[_argmax(prior * t[entry], starts)]


def _cells(source: WordTable, target: WordTable) -> tuple[np.ndarray, np.ndarray]:
    """The choices of all target words, one after another, and where those of each word start.

    A choice is a position in `source`; the first one of each word is -1, the null word.
    """
    lengths = np.bincount(source.rows, minlength=target.rows[-1] + 1)
    firsts = np.cumsum(lengths) - lengths
    widths = lengths[target.rows] + 1
    starts = np.cumsum(widths) - widths
    within = np.arange(widths.sum(), dtype=np.int32) - np.repeat(starts.astype(np.int32), widths)
    first = np.repeat(firsts[target.rows].astype(np.int32), widths)
    return np.where(within > 0, first + within - 1, np.int32(-1)), starts


def _distortion(
    source: WordTable, target: WordTable, choices: np.ndarray, starts: np.ndarray
) -> Float[np.ndarray, " cells"]:
    """The probability of each choice before the words are seen."""
    distance = _spread(_relative_positions(target), starts, choices)
    distance -= _relative_positions(source)[choices]
    prior = np.exp(-_TENSION * np.abs(distance))
    prior[starts] = 0
    totals = np.add.reduceat(prior, starts)
    prior *= _spread((1 - _NULL) / np.where(totals > 0, totals, 1), starts, choices)
    prior[starts] = _NULL
    return prior


def _relative_positions(words: WordTable) -> Float[np.ndarray, " words"]:
    """Above 0 for the first word of a row, and 1 for the last."""
    lengths = np.bincount(words.rows)
    firsts = np.cumsum(lengths) - lengths
    within = np.arange(len(words.rows)) - firsts[words.rows]
    return ((within + 1) / lengths[words.rows]).astype(np.float32)


def _spread(values: np.ndarray, starts: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The value of each target word at each of its cells."""
    return np.repeat(values, np.diff(starts, append=len(cells)))


def _argmax(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The first of the largest values from each start to the next."""
    largest = _spread(np.maximum.reduceat(values, starts), starts, values)
    hits = np.flatnonzero(values == largest)
    return hits[np.searchsorted(hits, starts)]
