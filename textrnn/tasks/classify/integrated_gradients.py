"""What each token has to do with a decision: integrated gradients (Sundararajan et al. 2017).

    text        a     fine   film          score 0.98 = baseline 0.51 + shares
    shares     0.02   0.41   0.04

A text is faded in, from a baseline that says nothing: at each point on the way the gradient tells
how much each token moves the score, and its share is the sum of that (equation 3 of the paper).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Vectors = Float[Array, "time rows features"]


class Attributions(NamedTuple):
    baseline: Float[Array, " rows"]
    """The score of the baseline."""
    attributions: Float[Array, "rows time"]
    """Of each token. With the baseline they are the score."""
    remainder: Float[Array, " rows"]
    """What the sum over points had missed of the score, before it was made good."""


def integrated_gradients(
    score: Callable[[Vectors], Float[Array, " rows"]],
    x: Vectors,
    baseline: Vectors,
    points: int,
) -> Attributions:
    """The shares of all tokens in `score`, which takes any number of rows.

    The integral is a midpoint sum over `points`; its remainder is spread over the tokens by the
    size of their shares.
    """
    time, rows, features = x.shape
    way = x - baseline

    def at(alphas: Array) -> Vectors:
        """[time, rows * alphas, features]"""
        faded = baseline[:, :, None] + alphas[:, None] * way[:, :, None]
        return faded.reshape(time, -1, features)

    def rows_of(flat: Array) -> Array:
        return flat.reshape(*flat.shape[:-1], rows, -1)

    nothing, whole = jnp.moveaxis(rows_of(score(at(jnp.array([0.0, 1.0])))), -1, 0)
    middles = (jnp.arange(points) + 0.5) / points
    gradient = jax.grad(lambda x: score(x).sum())(at(middles))
    gradient = gradient.reshape(time, rows, points, features).mean(axis=2)
    attributions = (gradient * way).sum(axis=-1).T
    remainder = whole - nothing - attributions.sum(axis=-1)
    sizes = jnp.abs(attributions) + 1e-9 * (way != 0).any(axis=-1).T
    spread = sizes / jnp.maximum(sizes.sum(axis=-1, keepdims=True), 1e-30)
    return Attributions(nothing, attributions + remainder[:, None] * spread, remainder)
