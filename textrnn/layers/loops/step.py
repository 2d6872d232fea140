"""The loop of any cell, step by step."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float

from textrnn.layers.axes import Lengths
from textrnn.layers.cells.cell import Carry, Cell
from textrnn.layers.loops.tokens import count_steps, read_tokens, select, tokens_at, write_tokens


def step_loop(
    cell: Cell,
    reverse: bool,
    x: Float[Array, "tokens inputs"],
    carry: Carry,
    lengths: Lengths,
) -> tuple[Float[Array, "tokens hidden"], Carry]:
    """The outputs and the last carry. The gradient needs the carry before each token."""
    graph, params = nnx.split(cell)
    return _loop(graph, reverse, params, cell.project(x), carry, lengths)


# XLA cannot differentiate a loop of an unknown number of steps. The rule below goes backward
# through time, over the carries that the forward pass keeps.


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _loop(
    graph: nnx.GraphDef,
    reverse: bool,
    params: Any,
    projected: Float[Array, "tokens features"],
    carry: Carry,
    lengths: Lengths,
) -> tuple[Float[Array, "tokens hidden"], Carry]:
    outputs, carry, _ = _forward(graph, reverse, params, projected, carry, lengths, keep=False)
    return outputs, carry


def _forward(graph, reverse, params, projected, carry, lengths, keep):
    capacity = len(projected)
    cell: Any = nnx.merge(graph, params)

    def body(step, state):
        outputs, carry, history = state
        tokens, running = tokens_at(step, lengths, capacity, reverse)
        if keep:
            history = jax.tree.map(lambda h, c: write_tokens(h, c, tokens), history, carry)
        new, output = cell.step(carry, read_tokens(projected, tokens))
        return write_tokens(outputs, output, tokens), select(running, new, carry), history

    outputs = jnp.zeros((capacity, cell.hidden))
    history = jax.tree.map(lambda c: jnp.zeros((capacity, *c.shape[1:])), carry) if keep else ()
    return lax.fori_loop(0, count_steps(lengths), body, (outputs, carry, history))


def _loop_forward(graph, reverse, params, projected, carry, lengths):
    outputs, carry, history = _forward(graph, reverse, params, projected, carry, lengths, keep=True)
    return (outputs, carry), (params, projected, history, lengths)


def _loop_backward(graph, reverse, residuals, d_results):
    params, projected, history, lengths = residuals
    d_outputs, d_last = d_results
    capacity, steps = len(projected), count_steps(lengths)
    exact = jax.tree.map(lambda p: p.astype(jnp.float32), params)

    def advance(params, carry, projected):
        cell: Any = nnx.merge(graph, params)
        return cell.step(carry, projected)

    def body(step, state):
        d_carry, d_projected, d_params = state
        tokens, running = tokens_at(steps - 1 - step, lengths, capacity, reverse)
        before = jax.tree.map(lambda h: read_tokens(h, tokens), history)
        _, pull_back = jax.vjp(advance, exact, before, read_tokens(projected, tokens))
        d_new = select(running, d_carry, jax.tree.map(jnp.zeros_like, d_carry))
        d_params_t, d_before, d_projected_t = pull_back((d_new, read_tokens(d_outputs, tokens)))
        return (
            select(running, d_before, d_carry),
            write_tokens(d_projected, d_projected_t, tokens),
            jax.tree.map(jnp.add, d_params, d_params_t),
        )

    zeros = jax.tree.map(jnp.zeros_like, exact)
    initial = (d_last, jnp.zeros_like(projected), zeros)
    d_carry, d_projected, d_params = lax.fori_loop(0, steps, body, initial)
    d_params = jax.tree.map(lambda d, p: d.astype(p.dtype), d_params, params)
    return d_params, d_projected, d_carry, None


_loop.defvjp(_loop_forward, _loop_backward)
