"""Attention over a memory matrix by content."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_TINY = 1e-6


def content_weights(
    memory: Float[Array, "rows slots width"],
    keys: Float[Array, "rows heads width"],
    strengths: Float[Array, "rows heads"],
) -> Float[Array, "rows heads slots"]:
    """A softmax over slots of the cosine of key and slot, times the strength of the head."""
    # The root of a sum with a small term has a gradient at a memory of zeros.
    length = jnp.sqrt((memory**2).sum(axis=-1) + _TINY)
    key_length = jnp.sqrt((keys**2).sum(axis=-1) + _TINY)
    products = jnp.einsum("rhw,rsw->rhs", keys, memory)
    cosine = products / (key_length[..., None] * length[:, None])
    return jax.nn.softmax(strengths[..., None] * cosine)


def read_slots(
    memory: Float[Array, "rows slots width"], weights: Float[Array, "rows heads slots"]
) -> Float[Array, "rows heads width"]:
    """The weighted sum of the slots, for each head."""
    return jnp.einsum("rhs,rsw->rhw", weights, memory)


def erase_and_add(
    memory: Float[Array, "rows slots width"],
    weights: Float[Array, "rows slots"],
    erase: Float[Array, "rows width"],
    add: Float[Array, "rows width"],
) -> Float[Array, "rows slots width"]:
    """The memory after a write (Graves et al. 2014, equations 3 and 4)."""
    kept = 1 - weights[..., None] * erase[:, None]
    return memory * kept + weights[..., None] * add[:, None]
