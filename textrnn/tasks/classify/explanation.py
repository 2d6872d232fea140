"""Explanations of a classification: the contribution of each token to the score of the label."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from textrnn.tasks.classify.integrated_gradients import Attributions, integrated_gradients
from textrnn.tasks.classify.network import Classifier
from textrnn.text import BOS, EOS
from textrnn.text.treebank import Offsets

POINTS = 32
"""Interpolation points between the baseline and the text."""


def explain(
    model: Classifier,
    ids: Int[Array, " tokens"],
    lengths: Int[Array, " rows"],
    score: Callable[[Float[Array, "copied_rows labels"]], Float[Array, " copied_rows"]],
) -> Attributions:
    """The attributions of the tokens to `score`, a function of the logits.

    The baseline is a text in which every word is unknown.
    """
    ends = ((ids == BOS) | (ids == EOS))[:, None]
    x = model.embed(ids, lengths)
    unknown = jnp.where(ends, x, model.unknown())

    def score_of(
        x: Float[Array, "copied_tokens features"], lengths: Int[Array, " copied_rows"]
    ) -> Float[Array, " copied_rows"]:
        return score(model.logits_from_embeddings(x, lengths))

    return integrated_gradients(score_of, x, unknown, lengths, POINTS)


def explanation_json(
    label: str,
    baseline: float,
    attributions: Float[np.ndarray, " tokens"],
    text: str,
    spans: Sequence[Offsets],
) -> dict[str, Any]:
    """The explanation of one text as JSON. Its first token is BOS. Tokens that are parts of one
    grapheme cluster are shown as one, with the sum of their shares."""
    tokens: list[dict[str, Any]] = []
    parts = 0.0
    for (start, end), share in zip(spans, attributions[1 : len(spans) + 1], strict=True):
        parts += float(share)
        if start < end:
            shown = {"text": text[start:end], "start": start, "end": end, "share": parts}
            tokens.append(shown)
            parts = 0.0
    return {"label": label, "baseline": baseline, "tokens": tokens}
