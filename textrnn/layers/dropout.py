"""Dropout of activations, optionally with a mask that is shared."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from textrnn.layers.axes import Lengths
from textrnn.layers.ragged import spread


def dropout(
    x: Float[Array, "*shape"], rate: float, key: Array, shared_axes: Sequence[int] = ()
) -> Float[Array, "*shape"]:
    """Zero a share `rate` of the entries and scale the others by 1 / (1 - rate) (Srivastava et al.
    2014). Entries along `shared_axes` are kept or dropped together."""
    if rate == 0:
        return x
    shape = [1 if axis in shared_axes else size for axis, size in enumerate(x.shape)]
    keep = jax.random.bernoulli(key, 1 - rate, shape)
    return jnp.where(keep, x / (1 - rate), 0)


def variational_dropout(
    x: Float[Array, "tokens features"], lengths: Lengths, rate: float, key: Array
) -> Float[Array, "tokens features"]:
    """Dropout with one mask for all tokens of a row (Gal and Ghahramani 2016)."""
    if rate == 0:
        return x
    mask = dropout(jnp.ones((len(lengths), x.shape[-1])), rate, key)
    return x * spread(mask, lengths, len(x))
