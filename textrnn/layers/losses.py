"""Losses over a vocabulary or a tag set."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from textrnn.layers.axes import BatchArray


def token_cross_entropy(
    logits: Float[Array, "*batch ids"],
    targets: Int[BatchArray, "*batch"],
    label_smoothing: float = 0.0,
) -> Float[Array, "*batch"]:
    """The negative log-probability of each target, in nats; padding is left to the caller.

    `label_smoothing` is the share of the target distribution that is spread evenly over all ids
    (Szegedy et al. 2016, section 7).
    """
    log_normalizer = jax.nn.logsumexp(logits, axis=-1)
    target = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    if label_smoothing == 0:
        return log_normalizer - target
    uniform = logits.mean(axis=-1)
    return log_normalizer - (1 - label_smoothing) * target - label_smoothing * uniform
