"""The sums and the best path of a CRF as loops over time, all rows in parallel.

A step takes the token at one position of every row, up to the longest row. The native kernels
compute the same (`textrnn.native.crf`), without a step for rows that have ended.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from textrnn.layers.axes import Lengths
from textrnn.layers.ragged import row_starts

Emissions = Float[Array, "tokens tags"]
TagScores = Float[Array, " tags"]
PairScores = Float[Array, "tags tags"]
RowScores = Float[Array, " rows"]


def viterbi_loop(
    emissions: Emissions, start: TagScores, transition: PairScores, end: TagScores, lengths: Lengths
) -> Int[Array, " tokens"]:
    """The best path of each row."""
    rows, tokens, starts = len(lengths), len(emissions), row_starts(lengths)

    def step(time, state):
        last, best = state
        token = jnp.where(time < lengths, starts + time, tokens)
        before = jnp.where(time > 0, (last[:, :, None] + transition).max(axis=1), start)
        last = before + _at(emissions, token)
        return last, best.at[token].set(last, mode="drop")

    first = jnp.zeros((rows, emissions.shape[1])), jnp.zeros_like(emissions)
    _, best = lax.fori_loop(0, lengths.max(), step, first)

    def step_back(index, state):
        following, path = state
        time = lengths - 1 - index
        token = jnp.where(time >= 0, starts + time, tokens)
        onward = jnp.where(index > 0, transition[:, following].T, end)
        tag = (_at(best, token) + onward).argmax(axis=1).astype(jnp.int32)
        return tag, path.at[token].set(tag, mode="drop")

    none = jnp.zeros(rows, jnp.int32), jnp.zeros(tokens, jnp.int32)
    _, path = lax.fori_loop(0, lengths.max(), step_back, none)
    return path


def forward_loop(
    emissions: Emissions, start: TagScores, transition: PairScores, end: TagScores, lengths: Lengths
) -> tuple[Emissions, RowScores]:
    """The log-sum over all prefixes that end in each tag at each token, and the log-partition."""
    tokens, starts = len(emissions), row_starts(lengths)

    def step(time, state):
        last, forward = state
        valid = time < lengths
        token = jnp.where(valid, starts + time, tokens)
        sums = jax.nn.logsumexp(last[:, :, None] + transition, axis=1)
        onward = jnp.where(time > 0, sums, start) + _at(emissions, token)
        last = jnp.where(valid[:, None], onward, last)
        return last, forward.at[token].set(last, mode="drop")

    first = jnp.zeros((len(lengths), emissions.shape[1])), jnp.zeros_like(emissions)
    last, forward = lax.fori_loop(0, lengths.max(), step, first)
    return forward, jnp.where(lengths > 0, jax.nn.logsumexp(last + end, axis=1), 0)


def backward_loop(
    emissions: Emissions,
    start: TagScores,
    transition: PairScores,
    end: TagScores,
    lengths: Lengths,
    partition: RowScores,
) -> Emissions:
    """The log-sum over all suffixes that follow each tag at each token, less the log-partition."""
    tokens, starts = len(emissions), row_starts(lengths)
    last = end - partition[:, None]

    def step(index, state):
        onward, backward = state
        time = lengths - 1 - index
        token = jnp.where(time >= 0, starts + time, tokens)
        sums = jax.nn.logsumexp(onward[:, None] + transition, axis=2)
        here = jnp.where(index > 0, sums, last)
        return here + _at(emissions, token), backward.at[token].set(here, mode="drop")

    first = jnp.zeros_like(last), jnp.zeros_like(emissions)
    return lax.fori_loop(0, lengths.max(), step, first)[1]


def _at(values: Emissions, token: Int[Array, " rows"]) -> Float[Array, "rows tags"]:
    """The values at one token of each row; anything for a row whose token is out of bounds."""
    return values.at[token].get(mode="clip")
