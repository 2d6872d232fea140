"""Prefill and decode: read given tokens and write new ones, from one generation state to the next.

    state: to be, or        prefill " not"      captured values of 4 tokens, and a new state
    state: to be, or not    decode 3 tokens     " to", and a new state

Prefill is one pass over all tokens. Decode is a loop, since each token depends on the previous one.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from textrnn.layers.axes import Lengths
from textrnn.layers.indexing import get_at, set_at
from textrnn.layers.ragged import last_tokens, row_ids, row_starts, spread, token_before
from textrnn.tasks.generate.capture import (
    MAX_ALTERNATIVES,
    MAX_CELLS,
    Captured,
    CaptureOptions,
    capture,
)
from textrnn.tasks.generate.network import Generator
from textrnn.tasks.generate.sampling import SamplingParameters, sampler
from textrnn.tasks.generate.state import GenerationState
from textrnn.text import EOS, PAD, Grammar


class DecodedTokens(NamedTuple):
    tokens: Int[Array, "rows max_length"]
    """Filled up with PAD."""
    captured: Captured
    """[rows, max_length, ...]: under the model itself, independent of the sampling parameters."""
    ended: Bool[Array, " rows"]
    """Whether the last token of a row is EOS."""


def prefill(
    model: Generator,
    state: GenerationState,
    ids: Int[Array, " tokens"],
    lengths: Lengths,
    options: CaptureOptions,
) -> tuple[GenerationState, Captured]:
    """The state after the tokens, and the captured values of each, [tokens, ...]."""
    h, past = model.states(token_before(ids, state.last, lengths), lengths, state.past)
    cells = spread(options.cells, lengths, len(ids))
    captured = capture(model.logits(h), h, ids, cells, options.top.any())
    reads = lengths > 0
    return state._replace(
        past=past,
        last=jnp.where(reads, last_tokens(ids, lengths), state.last),
        used=state.used.at[row_ids(lengths, len(ids)), ids].set(True, mode="drop"),
        grammar=jnp.where(reads, 0, state.grammar),
    ), captured


def zero_captures(tokens: int) -> Captured:
    """The captured values where no row of a batch reads any token."""
    return Captured(
        jnp.zeros(tokens),
        jnp.zeros((tokens, MAX_ALTERNATIVES), jnp.int32),
        jnp.zeros((tokens, MAX_ALTERNATIVES)),
        jnp.zeros((tokens, MAX_CELLS)),
    )


def decode(
    model: Generator,
    state: GenerationState,
    count: Int[Array, " rows"],
    parameters: SamplingParameters,
    grammar: Grammar,
    max_length: int,
    options: CaptureOptions,
) -> tuple[GenerationState, DecodedTokens]:
    """Sample `count` tokens for each row, at most `max_length`, or fewer if it ends with EOS."""
    rows, ids = len(count), grammar.allowed.shape[1]
    allowed, after = jnp.asarray(grammar.allowed), jnp.asarray(grammar.next_state)
    # Noise is not made for a batch that only reads.
    temperature = jnp.where(count > 0, parameters.temperature, 0)
    parameters = parameters._replace(temperature=temperature)
    sample = sampler(parameters, allowed, state.drawn, max_length)

    def running(loop: _DecodeLoop) -> Array:
        return (loop.t < count) & ~loop.ended

    def step(loop: _DecodeLoop) -> _DecodeLoop:
        t, state, runs = loop.t, loop.state, running(loop)
        lengths = runs.astype(jnp.int32)
        # The rows that run have one token each; those of others are meaningless.
        last = get_at(state.last, jnp.minimum(row_ids(lengths, rows), rows - 1))
        h, past = model.states(last, lengths, state.past)
        h = get_at(h, row_starts(lengths))
        logits = model.logits(h)
        token, used = sample(t, runs, logits, state.grammar, state.used)
        state = GenerationState(
            past=past,
            last=jnp.where(runs, token, state.last),
            used=used,
            seed=state.seed,
            drawn=state.drawn + runs,
            grammar=jnp.where(runs, get_at(after, state.grammar, token), state.grammar),
        )
        return _DecodeLoop(
            t + 1,
            state,
            set_at(loop.tokens, t, jnp.where(runs, token, PAD)),
            loop.ended | (runs & (token == EOS)),
            set_at(loop.h, t, h),
            set_at(loop.logits, t, logits),
        )

    start = _DecodeLoop(
        t=jnp.zeros((), jnp.int32),
        state=state,
        tokens=jnp.full((max_length, rows), PAD),
        ended=jnp.zeros(rows, dtype=bool),
        h=jnp.zeros((max_length, rows, model.config.encoder.hidden)),
        logits=jnp.zeros((max_length, rows, ids)),
    )
    end = lax.while_loop(lambda loop: running(loop).any(), step, start)
    captured = capture(end.logits, end.h, end.tokens, options.cells, options.top.any())
    captured = jax.tree.map(lambda values: values.swapaxes(0, 1), captured)
    return end.state, DecodedTokens(end.tokens.T, captured, end.ended)


class _DecodeLoop(NamedTuple):
    """The loop state. Values are captured after the loop, for all tokens at once."""

    t: Array
    state: GenerationState
    tokens: Int[Array, "max_length rows"]
    ended: Bool[Array, " rows"]
    h: Float[Array, "max_length rows hidden"]
    logits: Float[Array, "max_length rows ids"]
