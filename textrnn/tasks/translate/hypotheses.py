"""Search results as text: copied words are inserted, and sentences are combined."""

import heapq
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from textrnn.layers.masking import MASKED
from textrnn.tasks.translate.beam_search import SearchResult
from textrnn.tasks.translate.writing import Writing, restore
from textrnn.text import UNK, CopyingTokenizer
from textrnn.text.treebank import Offsets


class Hypothesis(NamedTuple):
    """One translation of one sentence."""

    tokens: list[str]
    """With ▁ for a space."""
    text: str
    log_probability: float
    alignment: Float[np.ndarray, "time source"]
    """The attention weights of each token over the source tokens."""

    def written(
        self, literals: Collection[str], phrases: Sequence[Sequence[str]], writing: Writing
    ) -> "Hypothesis":
        """The hypothesis with the capitals and final marks of its source, in which literals and
        phrases, given as their tokens, stay as they are."""
        if not self.tokens:
            return self
        fixed = {place for place, token in enumerate(self.tokens) if token in literals}
        for phrase in phrases:
            for start in range(len(self.tokens) - len(phrase) + 1):
                if self.tokens[start : start + len(phrase)] == list(phrase):
                    fixed.update(range(start, start + len(phrase)))
        tokens = restore(self.tokens, fixed, writing)
        rows = np.minimum(np.arange(len(tokens)), max(len(self.tokens) - 1, 0))
        text = "".join(tokens).replace("▁", " ").strip()
        return self._replace(tokens=tokens, text=text, alignment=self.alignment[rows])


def hypotheses(
    result: SearchResult,
    attention: Float[np.ndarray, "source steps beam"],
    source: Int[np.ndarray, " source"],
    words: Sequence[str],
    tokenizer: CopyingTokenizer,
    count: int,
) -> list[Hypothesis]:
    """The best `count` hypotheses of one row of a search whose trace is the attention.

    `words` are the source words that UNK stands for. Each replaces one UNK of a hypothesis.
    """
    results = []
    finished = [k for k in range(len(result.lengths)) if result.log_probabilities[k] > MASKED]
    for k in finished[:count] or [0]:
        length = int(result.lengths[k])
        ids = np.asarray(result.tokens[k, :length])
        alignment = attention[:, np.arange(length), result.slots[k, :length]].T
        copied = _copied_words(ids, alignment, source, words)
        results.append(
            Hypothesis(
                tokenizer.decode_subwords(ids, copied),
                tokenizer.decode(ids, copied),
                float(result.log_probabilities[k]),
                alignment,
            )
        )
    return results


def _copied_words(
    ids: np.ndarray, alignment: np.ndarray, source: np.ndarray, words: Sequence[str]
) -> list[str]:
    """The source word for each UNK in `ids`. There are as many, and each is used once: of all pairs
    that are left, that with the highest attention weight is taken."""
    places = np.flatnonzero(ids == UNK)
    positions = np.flatnonzero(source == UNK)[: len(words)]
    weights = np.array(alignment[np.ix_(places, positions)], np.float64)
    copied = [""] * len(places)
    for _ in places:
        place, word = divmod(int(weights.argmax()), weights.shape[1])
        copied[place] = words[word]
        weights[place], weights[:, word] = -1, -1
    return copied


def combinations(
    sentences: Sequence[Sequence[Hypothesis]], count: int
) -> list[tuple[float, list[Hypothesis]]]:
    """The `count` most probable combinations of one hypothesis per sentence, best first, each with
    its log-probability."""
    best: list[tuple[float, list[Hypothesis]]] = [(0.0, [])]
    for sentence in sentences:
        extended = [
            (total + hypothesis.log_probability, [*chosen, hypothesis])
            for total, chosen in best
            for hypothesis in sentence
        ]
        best = heapq.nlargest(count, extended, key=lambda combination: combination[0])
    return best


def alignment(
    sources: Sequence[list[str]], sentences: Sequence[Hypothesis]
) -> dict[str, list[str] | list[list[float]]]:
    """`source_tokens` and `tokens` of all sentences without EOS, and their `alignment`: for each
    token its attention weights over all source tokens, which are 0 outside of its sentence."""
    columns = sum(map(len, sources))
    rows, offset = [], 0
    for source_tokens, hypothesis in zip(sources, sentences, strict=True):
        for weights in hypothesis.alignment:
            row = [0.0] * columns
            row[offset : offset + len(source_tokens)] = weights[:-1].astype(float).round(4).tolist()
            rows.append(row)
        offset += len(source_tokens)
    return {
        "source_tokens": [token for tokens in sources for token in tokens],
        "tokens": [token for hypothesis in sentences for token in hypothesis.tokens],
        "alignment": rows,
    }


def sentence_alignments(
    spans: Sequence[Offsets],
    token_spans: Sequence[Int[np.ndarray, "source 2"]],
    chosen: Sequence[Hypothesis],
) -> list[dict[str, Any]]:
    """The alignment of each sentence, at `spans` of the source, with the hypothesis chosen for it.

    `source` and `target` are the spans of the sentence in the source and in the translation,
    `source_tokens` and `target_tokens` those of its tokens, and `weights` holds for each target
    token its attention weights over the source tokens. `token_spans` are relative to the sentences.
    """
    alignments = []
    shift = 0  # of the translation against the source
    for (start, end), tokens, hypothesis in zip(spans, token_spans, chosen, strict=True):
        first, length = start + shift, len(hypothesis.text)
        alignments.append(
            {
                "source": [start, end],
                "target": [first, first + length],
                "source_tokens": (tokens + start).tolist(),
                "target_tokens": [[first + a, first + b] for a, b in _target_spans(hypothesis)],
                "weights": hypothesis.alignment[:, :-1].astype(float).round(4).tolist(),
            }
        )
        shift += length - (end - start)
    return alignments


def _target_spans(hypothesis: Hypothesis) -> list[Offsets]:
    """The span of each token in the text of a hypothesis, without the space before a word."""
    joined = "".join(hypothesis.tokens).replace("▁", " ")
    cut, end = len(joined) - len(joined.lstrip()), 0  # the tokenizer strips the text
    spans = []
    for token in hypothesis.tokens:
        start, end = end, end + len(token)
        start += len(token) - len(token.lstrip("▁ "))
        first, last = (min(max(at - cut, 0), len(hypothesis.text)) for at in (start, end))
        spans.append((first, last))
    return spans
