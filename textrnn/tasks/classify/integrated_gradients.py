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

    def interpolate(alphas: Float[Array, " points"]) -> Float[Array, "copied_tokens features"]:
        """A copy of the batch for each of `alphas`, without padding between them."""
        slot = jnp.arange(len(alphas) * tokens)
        token, alpha = slot % total, alphas.at[slot // total].get(mode="clip")
        return baseline[token] + alpha[:, None] * difference[token]

    def scores(x: Float[Array, "copied_tokens features"]) -> Float[Array, "copies rows"]:
        copies = len(x) // tokens
        return score(x, jnp.tile(lengths, copies)).reshape(copies, rows)

    baseline_score, full_score = scores(interpolate(jnp.array([0.0, 1.0])))
    midpoints = (jnp.arange(points) + 0.5) / points
    gradient = jax.grad(lambda x: scores(x).sum())(interpolate(midpoints))
    each = gradient[jnp.arange(points)[:, None] * total + jnp.arange(tokens)]
    attributions = (each.mean(axis=0) * difference).sum(axis=-1)
    attributions = jnp.where(is_token(lengths, tokens), attributions, 0)
    remainder = full_score - baseline_score - sum_rows(attributions, lengths)
    sizes = jnp.abs(attributions) + 1e-9 * (difference != 0).any(axis=-1)
    sums = jnp.maximum(spread(sum_rows(sizes, lengths), lengths, tokens), 1e-30)
    attributions += spread(remainder, lengths, tokens) * sizes / sums
    return Attributions(baseline_score, attributions, remainder)
