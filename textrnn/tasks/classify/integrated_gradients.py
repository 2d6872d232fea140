"""Integrated gradients: attributions of a score to the tokens of a text.

    text            a     fine   film          score 0.98 = baseline 0.51 + attributions
    attributions   0.02   0.41   0.04

The input is interpolated from an uninformative baseline to the text. The attribution of a token is
its difference from the baseline times the gradient of the score, averaged over the path
(Sundararajan et al. 2017, equation 3).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from textrnn.layers.axes import Lengths
from textrnn.layers.ragged import is_token, spread, sum_rows

Embedded = Float[Array, "tokens features"]


class Attributions(NamedTuple):
    baseline: Float[Array, " rows"]
    """The score of the baseline."""
    attributions: Float[Array, " tokens"]
    """The contribution of each token; with the baseline they add up to the score."""
    remainder: Float[Array, " rows"]
    """The error of the numerical integral, which has been distributed over the tokens."""


Score = Callable[
    [Float[Array, "copied_tokens features"], Int[Array, " copied_rows"]],
    Float[Array, " copied_rows"],
]
"""From several copies of a ragged batch, and their lengths, to the score of each row."""


def integrated_gradients(
    score: Score, x: Embedded, baseline: Embedded, lengths: Lengths, points: int
) -> Attributions:
    """Attribute `score` to the tokens of each row of `x`.

    The integral is a midpoint sum over `points`. Its error is distributed over the tokens in
    proportion to the size of their attributions.
    """
    tokens, rows = len(x), len(lengths)
    difference = x - baseline
    total = jnp.maximum(lengths.sum(), 1)
    # The scores at both ends are needed too. Their gradients are not, and have no weight.
    alphas = jnp.concatenate([jnp.array([0.0, 1.0]), (jnp.arange(points) + 0.5) / points])
    weights = jnp.where(jnp.arange(len(alphas)) < 2, 0, 1 / points)
    # As many copies of the batch as fit into one of constant size run at a time.
    capacity = max(tokens, _CAPACITY)
    at_once = capacity // total
    copy, token = jnp.arange(capacity) // total, jnp.arange(capacity) % total

    def run(step: Int[Array, ""], sums: tuple[Array, Array]) -> tuple[Array, Array]:
        gradients, scores = sums
        index = step * at_once + jnp.arange(len(alphas))
        runs = (jnp.arange(len(alphas)) < at_once) & (index < len(alphas))
        copied_lengths = jnp.where(runs[:, None], lengths, 0)
        alpha = alphas.at[index[copy]].get(mode="clip")
        path = baseline[token] + alpha[:, None] * difference[token]

        def total_score(path: Float[Array, "copied_tokens features"]) -> tuple[Array, Array]:
            each = score(path, copied_lengths.reshape(-1))
            return each.sum(), each.reshape(-1, rows)

        gradient, each = jax.grad(total_score, has_aux=True)(path)
        weight = jnp.where(runs, weights.at[index].get(mode="clip"), 0)
        weight = weight.at[copy].get(mode="fill", fill_value=0)
        gradients = gradients.at[token].add(weight[:, None] * gradient)
        return gradients, scores.at[jnp.where(runs, index, len(alphas))].set(each, mode="drop")

    initial = jnp.zeros_like(x), jnp.zeros((len(alphas), rows))
    gradients, scores = lax.fori_loop(0, -(-len(alphas) // at_once), run, initial)
    baseline_score, full_score = scores[0], scores[1]
    attributions = (gradients * difference).sum(axis=-1)
    attributions = jnp.where(is_token(lengths, tokens), attributions, 0)
    remainder = full_score - baseline_score - sum_rows(attributions, lengths)
    sizes = jnp.abs(attributions) + 1e-9 * (difference != 0).any(axis=-1)
    sums = jnp.maximum(spread(sum_rows(sizes, lengths), lengths, tokens), 1e-30)
    attributions += spread(remainder, lengths, tokens) * sizes / sums
    return Attributions(baseline_score, attributions, remainder)


_CAPACITY = 1024
