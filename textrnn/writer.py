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

from textrnn.generator import Generator
from textrnn.memory import Memory
from textrnn.sampling import Sampling, sample
from textrnn.text import EOS, PAD, Grammar
from textrnn.watch import CELLS, TOP, Seen, Watch, look


class Written(NamedTuple):
    tokens: Int[Array, "rows room"]
    """PAD behind the last one."""
    seen: Seen
    """[rows, room, ...]: of each, under the model itself, whatever the sampling asked for."""
    ended: Bool[Array, " rows"]
    """Whether the last token is EOS."""


def read(
    model: Generator,
    memory: Memory,
    ids: Int[Array, "rows time"],
    lengths: Int[Array, " rows"],
    watch: Watch,
) -> tuple[Memory, Seen]:
    """The memory behind the tokens, and what is seen of each: [rows, time, ...]. The log-
    probability is 0 where there is none."""
    row, valid = jnp.arange(len(ids)), jnp.arange(ids.shape[1]) < lengths[:, None]
    before = jnp.concatenate([memory.last[:, None], ids[:, :-1]], axis=1)
    h, past = model.states(before, lengths, memory.past)
    seen = _seen(model.logits(h), h, ids.T, valid.T, watch)
    last = ids[row, jnp.maximum(lengths - 1, 0)]
    return memory._replace(
        past=past,
        last=jnp.where(lengths > 0, last, memory.last),
        used=memory.used.at[row[:, None], ids].max(valid),
        grammar=jnp.where(lengths > 0, 0, memory.grammar),
    ), seen


def unread(rows: int, time: int) -> Seen:
    """What is seen where nothing is read."""
    return Seen(
        jnp.zeros((rows, time)),
        jnp.zeros((rows, time, TOP), jnp.int32),
        jnp.zeros((rows, time, TOP)),
        jnp.zeros((rows, time, CELLS)),
    )


def write(
    model: Generator,
    memory: Memory,
    count: Int[Array, " rows"],
    asked: Sampling,
    grammar: Grammar,
    room: int,
    watch: Watch,
) -> tuple[Memory, Written]:
    """`count` new tokens for each row, at most `room`, or fewer where a text comes to its end."""
    rows = len(count)
    row, allowed, after = jnp.arange(rows), jnp.asarray(grammar.allowed), jnp.asarray(grammar.after)

    def going(state: _Writing) -> Array:
        return (state.t < count) & ~state.ended

    def step(state: _Writing) -> _Writing:
        t, memory, goes = state.t, state.memory, going(state)
        h, past = model.states(memory.last[:, None], goes.astype(jnp.int32), memory.past)
        logits = model.logits(h[0])
        token = sample(logits, allowed[memory.grammar], memory.used, memory.drawn, asked)
        memory = Memory(
            past=past,
            last=jnp.where(goes, token, memory.last),
            used=memory.used.at[row, token].max(goes),
            seed=memory.seed,
            drawn=memory.drawn + goes,
            grammar=jnp.where(goes, after[memory.grammar, token], memory.grammar),
        )
        return _Writing(
            t + 1,
            memory,
            state.tokens.at[t].set(jnp.where(goes, token, PAD)),
            state.ended | (goes & (token == EOS)),
            state.h.at[t].set(h[0]),
            state.logits.at[t].set(logits),
        )

    start = _Writing(
        t=jnp.zeros((), jnp.int32),
        memory=memory,
        tokens=jnp.full((room, rows), PAD),
        ended=jnp.zeros(rows, dtype=bool),
        h=jnp.zeros((room, rows, model.config.encoder.hidden)),
        logits=jnp.zeros((room, rows, allowed.shape[1])),
    )
    end = lax.while_loop(lambda state: going(state).any(), step, start)
    seen = _seen(end.logits, end.h, end.tokens, end.tokens != PAD, watch)
    return end.memory, Written(end.tokens.T, seen, end.ended)


class _Writing(NamedTuple):
    """In the loop. What is to be seen is looked at behind it, for all tokens at once."""

    t: Array
    memory: Memory
    tokens: Int[Array, "room rows"]
    ended: Bool[Array, " rows"]
    h: Float[Array, "room rows hidden"]
    logits: Float[Array, "room rows ids"]


def _seen(
    logits: Float[Array, "time rows ids"],
    h: Float[Array, "time rows hidden"],
    tokens: Int[Array, "time rows"],
    valid: Bool[Array, "time rows"],
    watch: Watch,
) -> Seen:
    """[rows, time, ...]"""
    seen = look(logits, h, tokens, watch)
    seen = seen._replace(likelihood=jnp.where(valid, seen.likelihood, 0.0))
    return jax.tree.map(lambda values: values.swapaxes(0, 1), seen)
