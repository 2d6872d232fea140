"""Sample the next token of each row from its logits, with the sampling parameters of the row.

    logits -> repetition penalty -> temperature -> top-k -> top-p -> token

A token is the argmax of the logits plus Gumbel noise (Gumbel 1954). The noise depends only on the
row's seed and on the number of tokens it has sampled: not on other rows of the batch, nor on where
a text was interrupted and resumed.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, UInt32

from textrnn.layers.indexing import get_at
from textrnn.layers.masking import MASKED
from textrnn.native.sampling import sample_tokens
from textrnn.platform import uses_native


class SamplingParameters(NamedTuple):
    """The sampling parameters of each row, as array values that need no recompilation."""

    temperature: Float[Array, " rows"]
    """Divides the logits; 0 means greedy decoding."""
    top_k: Int[Array, " rows"]
    """Number of most probable tokens to sample from; 0 disables it."""
    top_p: Float[Array, " rows"]
    """Sample from the smallest set of tokens with at least this probability (Holtzman et al. 2020,
    section 3.1); 1 disables it."""
    repetition_penalty: Float[Array, " rows"]
    """Divides positive logits of tokens already used, and multiplies negative ones (Keskar et al.
    2019, section 4.1); 1 disables it."""
    seed: UInt32[Array, " rows"]


Sampler = Callable[[Array, Array, Array, Array, Array], tuple[Array, Array]]
"""From the index of a step, which rows run [rows], the logits [rows, ids], the state of the grammar
[rows] and the used tokens [rows, ids], to a token for each row and the used tokens with it. The
token of a row that does not run is meaningless."""


def sampler(
    parameters: SamplingParameters,
    allowed: Bool[Array, "states ids"],
    drawn: Int[Array, " rows"],
    steps: int,
) -> Sampler:
    """A function that samples the next `steps` tokens of rows that have sampled `drawn` before.
    `allowed` masks the tokens that may follow in each state of the grammar."""
    if uses_native():
        return lambda step, runs, logits, state, used: sample_tokens(
            logits, allowed, state, used, runs, position=drawn + step, **parameters._asdict()
        )
    ids = allowed.shape[1]
    # Made for all steps at once: random bits take many small operations.
    positions = drawn + jnp.arange(steps)[:, None]
    noise = lax.cond(
        (parameters.temperature > 0).any(),
        lambda: jax.vmap(gumbel_noise, (None, 0, None))(parameters.seed, positions, ids),
        lambda: jnp.zeros((steps, len(drawn), ids)),
    )

    def sample_step(step, runs, logits, state, used):
        may_follow = get_at(allowed, state)
        token = sample(logits, may_follow, used, get_at(noise, step), parameters)
        return token, used | ((jnp.arange(ids) == token[:, None]) & runs[:, None])

    return sample_step


def sample(
    logits: Float[Array, "rows ids"],
    allowed: Bool[Array, "rows ids"],
    used: Bool[Array, "rows ids"],
    noise: Float[Array, "rows ids"],
    parameters: SamplingParameters,
) -> Int[Array, " rows"]:
    """Sample a token for each row.

    `allowed` masks the tokens that may follow, `used` those that the repetition penalty applies to.
    """
    penalty = parameters.repetition_penalty[:, None]
    penalized = jnp.where(logits > 0, logits / penalty, logits * penalty)
    logits = jnp.where(allowed, jnp.where(used, penalized, logits), MASKED)
    scaled = logits / jnp.where(parameters.temperature > 0, parameters.temperature, 1)[:, None]
    truncates = (parameters.top_k > 0) | (parameters.top_p < 1)
    kept = lax.cond(truncates.any(), _truncate, lambda scaled, _: scaled, scaled, parameters)
    return jnp.argmax(jnp.where(parameters.temperature[:, None] > 0, kept + noise, logits), axis=-1)


def _truncate(
    logits: Float[Array, "rows ids"], parameters: SamplingParameters
) -> Float[Array, "rows ids"]:
    """The logits, MASKED where top-k or top-p excludes a token."""
    rows, ids = logits.shape
    descending, order = lax.top_k(logits, ids)
    top_k = jnp.where(parameters.top_k > 0, parameters.top_k, ids)[:, None]
    descending = jnp.where(jnp.arange(ids) < top_k, descending, MASKED)
    probabilities = jax.nn.softmax(descending)
    before = jnp.cumsum(probabilities, axis=-1) - probabilities
    kept = jnp.where(
        (before < parameters.top_p[:, None]) | (jnp.arange(ids) == 0), descending, MASKED
    )
    return jnp.zeros_like(logits).at[jnp.arange(rows)[:, None], order].set(kept)


def gumbel_noise(
    seed: UInt32[Array, " rows"], position: Int[Array, " rows"], ids: int
) -> Float[Array, "rows {ids}"]:
    """The noise of each row for one token. `position` is the number of tokens that a row has
    sampled before."""

    def of_row(seed: Array, position: Array) -> Array:
        return jax.random.gumbel(jax.random.fold_in(jax.random.key(seed), position), (ids,))

    return jax.vmap(of_row)(seed, position)
