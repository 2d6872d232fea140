"""What a search found, as text: copied words in their places, sentences put together."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from textrnn.tasks.translate.beam_search import NEVER, SearchResult
from textrnn.text import UNK, CopyingTokenizer


class Hypothesis(NamedTuple):
    """One translation of one sentence."""

    pieces: list[str]
    """Its tokens, with ▁ for a space."""
    text: str
    log_probability: float
    alignment: Float[np.ndarray, "pieces source"]
    """How much each token looked at each token of the source."""


def hypotheses(
    found: SearchResult,
    source: Int[np.ndarray, " source"],
    words: Sequence[str],
    tokenizer: CopyingTokenizer,
    most: int,
) -> list[Hypothesis]:
    """The first `most` hypotheses of one row of a search whose trace is the attention.

    `words` stand for the UNKs of the source. An UNK that was found is the one of them that it
    looked at most, of those that are not taken yet if there are such.
    """
    results = []
    real = [k for k in range(len(found.lengths)) if found.log_probabilities[k] > NEVER]
    for k in real[:most] or [0]:
        length = int(found.lengths[k])
        ids = np.asarray(found.tokens[k, :length])
        alignment = found.trace[k, :length, : len(source)]
        copied = _copied(ids, alignment, source, words)
        results.append(
            Hypothesis(
                tokenizer.decode_subwords(ids, copied),
                tokenizer.decode(ids, copied),
                float(found.log_probabilities[k]),
                alignment,
            )
        )
    return results


def _copied(
    ids: np.ndarray, alignment: np.ndarray, source: np.ndarray, words: Sequence[str]
) -> list[str]:
    """The word for each UNK of `ids`."""
    places = np.flatnonzero(source == UNK)[: len(words)]
    free = set(range(len(places)))
    copied = []
    for at in np.flatnonzero(ids == UNK):
        looked = alignment[at, places]
        best = max(free or range(len(places)), key=looked.__getitem__)
        free.discard(best)
        copied.append(words[best])
    return copied


def combinations(
    sentences: Sequence[Sequence[Hypothesis]], most: int
) -> list[tuple[float, list[Hypothesis]]]:
    """The likeliest `most` ways to take one hypothesis of each sentence, the best one first."""
    best: list[tuple[float, list[Hypothesis]]] = [(0.0, [])]
    for sentence in sentences:
        longer = [
            (total + hypothesis.log_probability, [*chosen, hypothesis])
            for total, chosen in best
            for hypothesis in sentence
        ]
        best = heapq.nlargest(most, longer, key=lambda way: way[0])
    return best


def alignment(
    sources: Sequence[list[str]], sentences: Sequence[Hypothesis]
) -> dict[str, list[str] | list[list[float]]]:
    """`source_tokens` and `tokens` of all sentences, EOS left out, and `alignment`: for each of
    `tokens` how much it looked at each of `source_tokens`, which is 0 in other sentences."""
    columns = sum(map(len, sources))
    rows, before = [], 0
    for pieces, hypothesis in zip(sources, sentences, strict=True):
        for weights in hypothesis.alignment:
            row = [0.0] * columns
            row[before : before + len(pieces)] = weights[:-1].astype(float).round(4).tolist()
            rows.append(row)
        before += len(pieces)
    return {
        "source_tokens": [piece for pieces in sources for piece in pieces],
        "tokens": [piece for hypothesis in sentences for piece in hypothesis.pieces],
        "alignment": rows,
    }
