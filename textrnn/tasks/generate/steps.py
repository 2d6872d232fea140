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
from textrnn.tasks.generate.capture import (
    MAX_ALTERNATIVES,
    MAX_CELLS,
    Captured,
    CaptureOptions,
    capture,
)
from textrnn.tasks.generate.network import Generator
from textrnn.tasks.generate.sampling import SamplingParameters, sample
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
    ids: Int[Array, "rows time"],
    lengths: Lengths,
    options: CaptureOptions,
) -> tuple[GenerationState, Captured]:
    """The state after the tokens, and the captured values of each, [rows, time, ...].

    At padding the log-probability is 0.
    """
    row, valid = jnp.arange(len(ids)), jnp.arange(ids.shape[1]) < lengths[:, None]
    inputs = jnp.concatenate([state.last[:, None], ids[:, :-1]], axis=1)
    h, past = model.states(inputs, lengths, state.past)
    captured = _captured(model.logits(h), h, ids.T, valid.T, options)
    last = ids[row, jnp.maximum(lengths - 1, 0)]
    return state._replace(
        past=past,
        last=jnp.where(lengths > 0, last, state.last),
        used=state.used.at[row[:, None], ids].max(valid),
        grammar=jnp.where(lengths > 0, 0, state.grammar),
    ), captured


def zero_captures(rows: int, time: int) -> Captured:
    """The captured values where no row of a batch reads any token."""
    return Captured(
        jnp.zeros((rows, time)),
        jnp.zeros((rows, time, MAX_ALTERNATIVES), jnp.int32),
        jnp.zeros((rows, time, MAX_ALTERNATIVES)),
        jnp.zeros((rows, time, MAX_CELLS)),
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
    rows = len(count)
    row, allowed, after = (
        jnp.arange(rows),
        jnp.asarray(grammar.allowed),
        jnp.asarray(grammar.next_state),
    )

    def running(loop: _DecodeLoop) -> Array:
        return (loop.t < count) & ~loop.ended

    def step(loop: _DecodeLoop) -> _DecodeLoop:
        t, state, runs = loop.t, loop.state, running(loop)
        h, past = model.states(state.last[:, None], runs.astype(jnp.int32), state.past)
        logits = model.logits(h[0])
        token = sample(logits, allowed[state.grammar], state.used, state.drawn, parameters)
        state = GenerationState(
            past=past,
            last=jnp.where(runs, token, state.last),
            used=state.used.at[row, token].max(runs),
            seed=state.seed,
            drawn=state.drawn + runs,
            grammar=jnp.where(runs, after[state.grammar, token], state.grammar),
        )
        return _DecodeLoop(
            t + 1,
            state,
            loop.tokens.at[t].set(jnp.where(runs, token, PAD)),
            loop.ended | (runs & (token == EOS)),
            loop.h.at[t].set(h[0]),
            loop.logits.at[t].set(logits),
        )

    start = _DecodeLoop(
        t=jnp.zeros((), jnp.int32),
        state=state,
        tokens=jnp.full((max_length, rows), PAD),
        ended=jnp.zeros(rows, dtype=bool),
        h=jnp.zeros((max_length, rows, model.config.encoder.hidden)),
        logits=jnp.zeros((max_length, rows, allowed.shape[1])),
    )
    end = lax.while_loop(lambda loop: running(loop).any(), step, start)
    captured = _captured(end.logits, end.h, end.tokens, end.tokens != PAD, options)
    return end.state, DecodedTokens(end.tokens.T, captured, end.ended)


class _DecodeLoop(NamedTuple):
    """The loop state. Values are captured after the loop, for all tokens at once."""

    t: Array
    state: GenerationState
    tokens: Int[Array, "max_length rows"]
    ended: Bool[Array, " rows"]
    h: Float[Array, "max_length rows hidden"]
    logits: Float[Array, "max_length rows ids"]


def _captured(
    logits: Float[Array, "time rows ids"],
    h: Float[Array, "time rows hidden"],
    tokens: Int[Array, "time rows"],
    valid: Bool[Array, "time rows"],
    options: CaptureOptions,
) -> Captured:
    """Captured values, [rows, time, ...], with log-probabilities of 0 at padding."""
    captured = capture(logits, h, tokens, options)
    log_probability = jnp.where(valid, captured.log_probability, 0.0)
    captured = captured._replace(log_probability=log_probability)
    return jax.tree.map(lambda values: values.swapaxes(0, 1), captured)
