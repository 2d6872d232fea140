"""The loop of cells with one product, with a fast gradient."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from textrnn.layers.axes import Lengths
from textrnn.layers.cells.one_product import Carries, GateParameters, OneProductCell
from textrnn.layers.linear import matmul, weight_gradient
from textrnn.layers.loops.tokens import (
    Step,
    count_steps,
    read_tokens,
    select,
    tokens_at,
    write_tokens,
)

_Outputs = Float[Array, "tokens hidden"]


def product_loop(
    cells: tuple[OneProductCell, ...],
    reverse: tuple[bool, ...],
    x: tuple[Float[Array, "tokens inputs"], ...],
    carries: tuple[Carries, ...],
    lengths: Lengths,
) -> tuple[Float[Array, "tokens outputs"], tuple[Carries, ...]]:
    """The outputs of all directions side by side, and the last carry of each."""
    directions = tuple(map(_Direction, map(type, cells), reverse))
    inputs = tuple(
        _Inputs(cell.kernel(), cell.gate_parameters(), cell.project(x), carry)
        for cell, x, carry in zip(cells, x, carries, strict=True)
    )
    results: Any = _loop(directions, inputs, lengths)
    return jnp.concatenate([outputs for outputs, _ in results], -1), tuple(c for _, c in results)


class _Direction(NamedTuple):
    """The static part of a scan, known when the loop is compiled."""

    kind: type[OneProductCell]
    reverse: bool


class _Inputs(NamedTuple):
    """The arrays that one cell reads in a scan."""

    kernel: Float[Array, "hidden gates"]
    parameters: GateParameters
    projected: Float[Array, "tokens gates"]
    carry: Carries


# Autodiff through a scan accumulates the recurrent kernel's gradient step by step, which reads and
# writes the whole matrix at every step, and it needs a static number of steps. The rule below runs
# the elementwise part backward through time and then computes that gradient as one product over all
# tokens. Of the forward pass it keeps the carries and, for additive cells, the sums of projected
# and recurrent.


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loop(
    directions: tuple[_Direction, ...], inputs: tuple[_Inputs, ...], lengths: Lengths
) -> tuple[tuple[_Outputs, Carries], ...]:
    states = _forward(directions, inputs, lengths, keep=False)
    return tuple((state.outputs, state.carry) for state in states)


class _State(NamedTuple):
    """The loop state of one cell in the forward pass."""

    carry: Carries
    outputs: _Outputs
    history: Carries
    """The carry before each token, [tokens, hidden]; empty unless kept."""
    sums: Float[Array, "..."]
    """The sums of projected and recurrent, [tokens, gates]; a scalar zero unless kept."""


def _forward(
    directions: tuple[_Direction, ...], inputs: tuple[_Inputs, ...], lengths: Lengths, keep: bool
) -> list[_State]:
    capacity = len(inputs[0].projected)

    def advance(direction: _Direction, cell: _Inputs, state: _State, step: Step) -> _State:
        carry, outputs, history, sums = state
        tokens, running = tokens_at(step, lengths, capacity, direction.reverse)
        recurrent = matmul(carry[-1], cell.kernel)
        projected = read_tokens(cell.projected, tokens)
        if keep:
            history = tuple(write_tokens(h, c, tokens) for h, c in zip(history, carry, strict=True))
            if direction.kind.additive:
                sums = write_tokens(sums, projected + recurrent, tokens)
        new, output = direction.kind.gates(cell.parameters, carry, projected, recurrent)
        outputs = write_tokens(outputs, output, tokens)
        return _State(select(running, new, carry), outputs, history, sums)

    def body(step: Step, states: list[_State]) -> list[_State]:
        return [advance(*each, step) for each in zip(directions, inputs, states, strict=True)]

    def initial(direction: _Direction, cell: _Inputs) -> _State:
        buffers = tuple(jnp.zeros((capacity, part.shape[-1])) for part in cell.carry)
        history = buffers if keep else ()
        additive = direction.kind.additive
        sums = jnp.zeros_like(cell.projected) if keep and additive else jnp.zeros(())
        return _State(cell.carry, buffers[-1], history, sums)

    initials = [initial(*each) for each in zip(directions, inputs, strict=True)]
    return lax.fori_loop(0, count_steps(lengths), body, initials)


class _Saved(NamedTuple):
    """What the backward pass needs of one cell's forward pass."""

    kernel: Float[Array, "hidden gates"]
    parameters: GateParameters
    projected: Float[Array, "tokens gates"]
    """For an additive cell, the sum of projected and recurrent."""
    history: Carries


def _loop_forward(directions, inputs, lengths):
    states = _forward(directions, inputs, lengths, keep=True)
    results = tuple((state.outputs, state.carry) for state in states)
    saved = [
        _Saved(
            cell.kernel,
            cell.parameters,
            state.sums if direction.kind.additive else cell.projected,
            state.history,
        )
        for direction, cell, state in zip(directions, inputs, states, strict=True)
    ]
    return results, (saved, lengths)


def _loop_backward(directions, residuals, d_results):
    saved, lengths = residuals
    indices = range(len(directions))
    capacity, steps = len(saved[0].projected), count_steps(lengths)
    # A transposed copy, made once: products with a transposed view are slower at every step.
    transposed = lax.optimization_barrier([cell.kernel.T for cell in saved])
    recurrents = [
        jnp.zeros((capacity, 1))
        if direction.kind.additive
        else matmul(cell.history[-1], cell.kernel)
        for direction, cell in zip(directions, saved, strict=True)
    ]

    def retreat(index, state, step):
        direction, cell = directions[index], saved[index]
        d_carry, d_projected, d_recurrent, d_parameters = state
        tokens, running = tokens_at(steps - 1 - step, lengths, capacity, direction.reverse)
        d_new = select(running, d_carry, jax.tree.map(jnp.zeros_like, d_carry))
        d_output = read_tokens(d_results[index][0], tokens)
        _, pull_back = jax.vjp(
            direction.kind.gates,
            jax.tree.map(lambda p: p.astype(jnp.float32), cell.parameters),
            tuple(read_tokens(h, tokens) for h in cell.history),
            read_tokens(cell.projected, tokens),
            read_tokens(recurrents[index], tokens),
        )
        d_parameters_t, d_before, d_projected_t, d_recurrent_t = pull_back((d_new, d_output))
        if direction.kind.additive:  # both gradients are equal: store one
            d_recurrent_t = d_projected_t
        else:
            d_recurrent = write_tokens(d_recurrent, d_recurrent_t, tokens)
        d_through_kernel = matmul(d_recurrent_t, transposed[index])
        d_before = (*d_before[:-1], d_before[-1] + d_through_kernel)
        return (
            select(running, d_before, d_carry),
            write_tokens(d_projected, d_projected_t, tokens),
            d_recurrent,
            jax.tree.map(jnp.add, d_parameters, d_parameters_t),
        )

    def initial(index):
        d_projected = jnp.zeros_like(saved[index].projected)
        d_recurrent = () if directions[index].kind.additive else d_projected
        d_parameters = jax.tree.map(lambda p: jnp.zeros(p.shape), saved[index].parameters)
        return d_results[index][1], d_projected, d_recurrent, d_parameters

    def body(step, states):
        return [retreat(index, states[index], step) for index in indices]

    def gradient(index, state):
        cell = saved[index]
        d_carry, d_projected, d_recurrent, d_parameters = state
        if directions[index].kind.additive:
            d_recurrent = d_projected
        return _Inputs(
            kernel=weight_gradient(cell.history[-1], d_recurrent, cell.kernel.dtype),
            parameters=jax.tree.map(lambda d, p: d.astype(p.dtype), d_parameters, cell.parameters),
            projected=d_projected,
            carry=d_carry,
        )

    states = lax.fori_loop(0, steps, body, [initial(index) for index in indices])
    return tuple(gradient(index, states[index]) for index in indices), None


_loop.defvjp(_loop_forward, _loop_backward)
