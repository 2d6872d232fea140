"""Read given tokens, and write new ones, from one memory to the next.

    memory: to be, or        read " not"        what is seen of 4 tokens, and a new memory
    memory: to be, or not    write 3 tokens     " to", and a new memory

Reading is one pass over all tokens; writing is a loop, since each token waits for the one before.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from textrnn.tasks.generate.capture import CELLS, TOP, Captured, CaptureOptions, look
from textrnn.tasks.generate.network import Generator
from textrnn.tasks.generate.sampling import SamplingParameters, sample
from textrnn.tasks.generate.state import GenerationState
from textrnn.text import EOS, PAD, Grammar


class DecodedTokens(NamedTuple):
    tokens: Int[Array, "rows room"]
    """PAD behind the last one."""
    seen: Captured
    """[rows, room, ...]: of each, under the model itself, whatever the sampling asked for."""
    ended: Bool[Array, " rows"]
    """Whether the last token is EOS."""


def prefill(
    model: Generator,
    state: GenerationState,
    ids: Int[Array, "rows time"],
    lengths: Int[Array, " rows"],
    watch: CaptureOptions,
) -> tuple[GenerationState, Captured]:
    """The memory behind the tokens, and what is seen of each: [rows, time, ...]. The log-
    probability is 0 where there is none."""
    row, valid = jnp.arange(len(ids)), jnp.arange(ids.shape[1]) < lengths[:, None]
    before = jnp.concatenate([state.last[:, None], ids[:, :-1]], axis=1)
    h, past = model.states(before, lengths, state.past)
    seen = _seen(model.logits(h), h, ids.T, valid.T, watch)
    last = ids[row, jnp.maximum(lengths - 1, 0)]
    return state._replace(
        past=past,
        last=jnp.where(lengths > 0, last, state.last),
        used=state.used.at[row[:, None], ids].max(valid),
        grammar=jnp.where(lengths > 0, 0, state.grammar),
    ), seen


def nothing_captured(rows: int, time: int) -> Captured:
    """What is seen where nothing is read."""
    return Captured(
        jnp.zeros((rows, time)),
        jnp.zeros((rows, time, TOP), jnp.int32),
        jnp.zeros((rows, time, TOP)),
        jnp.zeros((rows, time, CELLS)),
    )


def decode(
    model: Generator,
    state: GenerationState,
    count: Int[Array, " rows"],
    asked: SamplingParameters,
    grammar: Grammar,
    room: int,
    watch: CaptureOptions,
) -> tuple[GenerationState, DecodedTokens]:
    """`count` new tokens for each row, at most `room`, or fewer where a text comes to its end."""
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
        token = sample(logits, allowed[state.grammar], state.used, state.drawn, asked)
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
        tokens=jnp.full((room, rows), PAD),
        ended=jnp.zeros(rows, dtype=bool),
        h=jnp.zeros((room, rows, model.config.encoder.hidden)),
        logits=jnp.zeros((room, rows, allowed.shape[1])),
    )
    end = lax.while_loop(lambda loop: running(loop).any(), step, start)
    seen = _seen(end.logits, end.h, end.tokens, end.tokens != PAD, watch)
    return end.state, DecodedTokens(end.tokens.T, seen, end.ended)


class _DecodeLoop(NamedTuple):
    """In the loop. What is to be seen is looked at behind it, for all tokens at once."""

    t: Array
    state: GenerationState
    tokens: Int[Array, "room rows"]
    ended: Bool[Array, " rows"]
    h: Float[Array, "room rows hidden"]
    logits: Float[Array, "room rows ids"]


def _seen(
    logits: Float[Array, "time rows ids"],
    h: Float[Array, "time rows hidden"],
    tokens: Int[Array, "time rows"],
    valid: Bool[Array, "time rows"],
    watch: CaptureOptions,
) -> Captured:
    """[rows, time, ...]"""
    seen = look(logits, h, tokens, watch)
    seen = seen._replace(likelihood=jnp.where(valid, seen.likelihood, 0.0))
    return jax.tree.map(lambda values: values.swapaxes(0, 1), seen)
