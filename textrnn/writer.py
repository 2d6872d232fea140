"""Read given tokens, and write new ones, from one memory to the next.

    memory: to be, or        read " not"        log-probabilities of 4 tokens, and a new memory
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


class Written(NamedTuple):
    tokens: Int[Array, "rows room"]
    """PAD behind the last one."""
    log_probabilities: Float[Array, "rows room"]
    """Under the model itself, whatever the sampling asked for."""
    ended: Bool[Array, " rows"]
    """Whether the last token is EOS."""


def read(
    model: Generator, memory: Memory, ids: Int[Array, "rows time"], lengths: Int[Array, " rows"]
) -> tuple[Memory, Float[Array, "rows time"]]:
    """The memory behind the tokens, and the log-probability of each; 0 where there is none."""
    row, valid = jnp.arange(len(ids)), jnp.arange(ids.shape[1]) < lengths[:, None]
    before = jnp.concatenate([memory.last[:, None], ids[:, :-1]], axis=1)
    logits, past = model(before, lengths, memory.past)
    right = jnp.take_along_axis(jax.nn.log_softmax(logits), ids.T[..., None], axis=-1)[..., 0].T
    last = ids[row, jnp.maximum(lengths - 1, 0)]
    return memory._replace(
        past=past,
        last=jnp.where(lengths > 0, last, memory.last),
        used=memory.used.at[row[:, None], ids].max(valid),
        grammar=jnp.where(lengths > 0, 0, memory.grammar),
    ), jnp.where(valid, right, 0.0)


def write(
    model: Generator,
    memory: Memory,
    count: Int[Array, " rows"],
    asked: Sampling,
    grammar: Grammar,
    room: int,
) -> tuple[Memory, Written]:
    """`count` new tokens for each row, at most `room`, or fewer where a text comes to its end."""
    rows = len(count)
    row, allowed, after = jnp.arange(rows), jnp.asarray(grammar.allowed), jnp.asarray(grammar.after)

    def going(t: Array, written: Written) -> Array:
        return (t < count) & ~written.ended

    def step(state: tuple[Array, Memory, Written]) -> tuple[Array, Memory, Written]:
        t, memory, written = state
        goes = going(t, written)
        logits, past = model(memory.last[:, None], goes.astype(jnp.int32), memory.past)
        token = sample(logits[0], allowed[memory.grammar], memory.used, memory.drawn, asked)
        likelihood = jax.nn.log_softmax(logits[0])[row, token]
        memory = Memory(
            past=past,
            last=jnp.where(goes, token, memory.last),
            used=memory.used.at[row, token].max(goes),
            seed=memory.seed,
            drawn=memory.drawn + goes,
            grammar=jnp.where(goes, after[memory.grammar, token], memory.grammar),
        )
        return (
            t + 1,
            memory,
            Written(
                written.tokens.at[:, t].set(jnp.where(goes, token, PAD)),
                written.log_probabilities.at[:, t].set(jnp.where(goes, likelihood, 0)),
                written.ended | (goes & (token == EOS)),
            ),
        )

    empty = Written(
        jnp.full((rows, room), PAD), jnp.zeros((rows, room)), jnp.zeros(rows, dtype=bool)
    )
    start = (jnp.zeros((), jnp.int32), memory, empty)
    _, memory, written = lax.while_loop(lambda s: going(s[0], s[2]).any(), step, start)
    return memory, written
