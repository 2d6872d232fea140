"""Draw the next token of each row from its logits, as each row asks for.

    logits -> penalty for what was used -> temperature -> top-k -> top-p -> a token

A token is the maximum of the logits and of Gumbel noise (Gumbel 1954). The noise depends on the
row's seed and on how many tokens it has drawn, and on nothing else: not on its neighbours in the
batch, nor on where a text was broken off and continued.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, UInt32

NEVER = -1e9


class SamplingParameters(NamedTuple):
    """What each row asks for. All are values: other values need no other program."""

    temperature: Float[Array, " rows"]
    """What logits are divided by; 0: the likeliest token."""
    top_k: Int[Array, " rows"]
    """Of how many of the likeliest tokens one is drawn; 0: of all."""
    top_p: Float[Array, " rows"]
    """Of the fewest tokens that are together as probable as this one is drawn (Holtzman et al.
    2020, section 3.1); 1: of all."""
    repetition_penalty: Float[Array, " rows"]
    """What logits of tokens that were used are divided by, or multiplied by where they are negative
    (Keskar et al. 2019, section 4.1); 1: nothing."""
    seed: UInt32[Array, " rows"]


def sample(
    logits: Float[Array, "rows ids"],
    allowed: Bool[Array, "rows ids"],
    used: Bool[Array, "rows ids"],
    position: Int[Array, " rows"],
    asked: SamplingParameters,
) -> Int[Array, " rows"]:
    """A token for each row. `position` is how many tokens a row has drawn before."""
    penalty = asked.repetition_penalty[:, None]
    lower = jnp.where(logits > 0, logits / penalty, logits * penalty)
    logits = jnp.where(allowed, jnp.where(used, lower, logits), NEVER)
    warmed = logits / jnp.where(asked.temperature > 0, asked.temperature, 1)[:, None]
    cutting = (asked.top_k > 0) | (asked.top_p < 1)
    kept = lax.cond(cutting.any(), _likeliest, lambda warmed, _: warmed, warmed, asked)
    noise = jax.vmap(_noise, (0, 0, None))(asked.seed, position, logits.shape[-1])
    return jnp.argmax(jnp.where(asked.temperature[:, None] > 0, kept + noise, logits), axis=-1)


def _likeliest(logits: Array, asked: SamplingParameters) -> Array:
    """The logits, NEVER where top-k or top-p leaves a token out."""
    rows, ids = logits.shape
    falling, order = lax.top_k(logits, ids)
    top_k = jnp.where(asked.top_k > 0, asked.top_k, ids)[:, None]
    falling = jnp.where(jnp.arange(ids) < top_k, falling, NEVER)
    probabilities = jax.nn.softmax(falling)
    before = jnp.cumsum(probabilities, axis=-1) - probabilities
    kept = jnp.where((before < asked.top_p[:, None]) | (jnp.arange(ids) == 0), falling, NEVER)
    return jnp.zeros_like(logits).at[jnp.arange(rows)[:, None], order].set(kept)


def _noise(seed: Array, position: Array, ids: int) -> Array:
    return jax.random.gumbel(jax.random.fold_in(jax.random.key(seed), position), (ids,))
