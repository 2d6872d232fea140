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
from jaxtyping import Array, Float

Embedded = Float[Array, "time rows features"]


class Attributions(NamedTuple):
    baseline: Float[Array, " rows"]
    """The score of the baseline."""
    attributions: Float[Array, "rows time"]
    """The contribution of each token; with the baseline they add up to the score."""
    remainder: Float[Array, " rows"]
    """The error of the numerical integral, which has been distributed over the tokens."""


def integrated_gradients(
    score: Callable[[Float[Array, "time copies features"]], Float[Array, " copies"]],
    x: Embedded,
    baseline: Embedded,
    points: int,
) -> Attributions:
    """Attribute `score`, which takes any number of rows, to the tokens of each row of `x`.

    The integral is a midpoint sum over `points`. Its error is distributed over the tokens in
    proportion to the size of their attributions.
    """
    time, rows, features = x.shape
    difference = x - baseline

    def interpolate(alphas: Float[Array, " points"]) -> Float[Array, "time copies features"]:
        path = baseline[:, :, None] + alphas[:, None] * difference[:, :, None]
        return path.reshape(time, -1, features)

    ends = score(interpolate(jnp.array([0.0, 1.0]))).reshape(rows, 2)
    baseline_score, full_score = ends[:, 0], ends[:, 1]
    midpoints = (jnp.arange(points) + 0.5) / points
    gradient = jax.grad(lambda x: score(x).sum())(interpolate(midpoints))
    gradient = gradient.reshape(time, rows, points, features).mean(axis=2)
    attributions = (gradient * difference).sum(axis=-1).T
    remainder = full_score - baseline_score - attributions.sum(axis=-1)
    sizes = jnp.abs(attributions) + 1e-9 * (difference != 0).any(axis=-1).T
    shares = sizes / jnp.maximum(sizes.sum(axis=-1, keepdims=True), 1e-30)
    return Attributions(baseline_score, attributions + remainder[:, None] * shares, remainder)
