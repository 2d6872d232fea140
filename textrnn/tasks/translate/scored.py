"""The score of a given translation: what the search assigns to its tokens when it is forced to
write them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from textrnn.tasks.translate.beam_search import SearchResult
from textrnn.tasks.translate.reading import TranslateWindow
from textrnn.tasks.translate.writing import restore
from textrnn.text import CopyingTokenizer
from textrnn.text.tokenizer import EOS, SPECIALS, UNK

SCORED = {"score": float, "perplexity": float, "tokens": list[str], "token_scores": list[float]}
"""The fields of the answer."""


def scored(
    sentences: Sequence[SearchResult],
    windows: Sequence[TranslateWindow],
    tokenizer: CopyingTokenizer,
) -> dict[str, Any]:
    """The `tokens` of all sentences, each with its end `</s>`, the log-probability of each token
    given those before it as `token_scores`, their sum as `score`, and the `perplexity` per
    token."""
    tokens: list[str] = []
    scores: list[float] = []
    for result, window in zip(sentences, windows, strict=True):
        length = int(result.lengths[0])
        ids = np.asarray(result.tokens[0, :length])
        written = tokenizer.decode_subwords(ids, window.words)
        copied = np.flatnonzero(ids == UNK).tolist()
        tokens += [*restore(written, copied, window.writing._replace(marks=None)), SPECIALS[EOS]]
        totals = [*result.totals[0, :length].tolist(), float(result.log_probabilities[0])]
        scores += np.diff(totals, prepend=0.0).tolist()
    score = sum(scores)
    perplexity = math.exp(-score / len(scores)) if scores else 1.0
    return {"score": score, "perplexity": perplexity, "tokens": tokens, "token_scores": scores}
