"""Run cells over a sequence: the only scan over time.

Arrays are time-major: [time, rows, features]. Where a position is padding the carry stays as it is
and the output is zero, so the backward direction is the same scan from the other end, and no
sequence is ever flipped. Two rows of lengths 3 and 1, three steps:

    a b c      forward: a, b, c            backward: c, b, a
    d . .               d, keep, keep                keep, keep, d
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from textrnn.layers.cells import Carry, Cell, Small
from textrnn.layers.linear import matmul, weight_gradient

Outputs = Float[Array, "time rows hidden"]


def unroll(
    cell: Cell,
    x: Float[Array, "time rows inputs"],
    lengths: Int[Array, " rows"],
    carry: Carry | None = None,
    *,
    reverse: bool = False,
) -> tuple[Outputs, Carry]:
    """Outputs at every step, and the carry after the last one (after the first, in reverse)."""
    way, strand = _Way(type(cell), reverse), _strand(cell, x, carry)
    results: Any = _run((way,), (strand,), lengths)
    return results[0]


def unroll_both(
    forward: Cell,
    backward: Cell,
    x_forward: Float[Array, "time rows inputs"],
    x_backward: Float[Array, "time rows inputs"],
    lengths: Int[Array, " rows"],
) -> tuple[tuple[Outputs, Carry], tuple[Outputs, Carry]]:
    """One cell left to right and one right to left, in one loop.

    Equal to two calls of `unroll`, and faster: the loop's own cost is paid once, and there is more
    work in a step to share among cores.
    """
    ways = (_Way(type(forward), False), _Way(type(backward), True))
    strands = (_strand(forward, x_forward, None), _strand(backward, x_backward, None))
    results: Any = _run(ways, strands, lengths)
    return results


class _Way(NamedTuple):
    """What is known of a strand when the loop is compiled."""

    kind: type[Cell]
    reverse: bool

    def position(self, step: Array, time: int) -> Array:
        return time - 1 - step if self.reverse else step


class _Strand(NamedTuple):
    """One cell on its way through one batch of sequences."""

    kernel: Float[Array, "hidden width*hidden"]
    small: Small
    projected: Float[Array, "time rows width*hidden"]
    carry: Carry


def _strand(cell: Cell, x: Array, carry: Carry | None) -> _Strand:
    return _Strand(
        kernel=cell.kernel(),
        small=cell.small(),
        projected=cell.project(x),
        carry=cell.carry(x.shape[1]) if carry is None else carry,
    )


# Autodiff through a scan adds the recurrent kernel's gradient up step by step, which reads and
# writes the whole matrix at every step. The rule below does the elementwise part backward through
# time and then takes that gradient as one product over all steps. Of the forward pass it keeps the
# carries and, where they are all that the gates look at, the sums of projected and recurrent.


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run(
    ways: tuple[_Way, ...], strands: tuple[_Strand, ...], lengths: Array
) -> tuple[tuple[Outputs, Carry], ...]:
    states = _forward(ways, strands, lengths, keep=False)
    return tuple((state.outputs, state.carry) for state in states)


class _State(NamedTuple):
    """Of one strand in the forward loop."""

    carry: Carry
    outputs: Outputs
    history: Carry
    """The carry before each step; empty unless kept."""
    sums: Array
    """Projected and recurrent, added up; a lone zero unless kept."""


def _forward(
    ways: tuple[_Way, ...], strands: tuple[_Strand, ...], lengths: Array, keep: bool
) -> list[_State]:
    time = strands[0].projected.shape[0]

    def one(way: _Way, strand: _Strand, state: _State, step: Array) -> _State:
        carry, outputs, history, sums = state
        t = way.position(step, time)
        valid = (t < lengths)[:, None]
        recurrent = matmul(carry[-1], strand.kernel)
        projected = _at(strand.projected, t)
        if keep:
            history = tuple(_put(h, c, t) for h, c in zip(history, carry, strict=True))
            if way.kind.additive:
                sums = _put(sums, projected + recurrent, t)
        new, output = way.kind.gates(strand.small, carry, projected, recurrent)
        outputs = _put(outputs, jnp.where(valid, output, 0), t)
        return _State(_select(valid, new, carry), outputs, history, sums)

    def body(step: Array, states: list[_State]) -> list[_State]:
        return [one(*each, step) for each in zip(ways, strands, states, strict=True)]

    def initial(way: _Way, strand: _Strand) -> _State:
        buffer = jnp.zeros((time, *strand.carry[-1].shape))
        history = (buffer,) * len(strand.carry) if keep else ()
        sums = jnp.zeros_like(strand.projected) if keep and way.kind.additive else jnp.zeros(())
        return _State(strand.carry, buffer, history, sums)

    initials = [initial(*each) for each in zip(ways, strands, strict=True)]
    return lax.fori_loop(0, time, body, initials)


class _Saved(NamedTuple):
    """What the backward pass needs of a strand."""

    kernel: Array
    small: Small
    projected: Array
    """Or, where the gates look at nothing but it, its sum with `recurrent`."""
    history: Carry


def _run_forward(ways, strands, lengths):
    states = _forward(ways, strands, lengths, keep=True)
    results = tuple((state.outputs, state.carry) for state in states)
    saved = [
        _Saved(s.kernel, s.small, t.sums if w.kind.additive else s.projected, t.history)
        for w, s, t in zip(ways, strands, states, strict=True)
    ]
    return results, (saved, lengths)


def _run_backward(ways, saved, d_results):
    strands, lengths = saved
    indices = range(len(ways))
    time = strands[0].projected.shape[0]
    # A transposed copy, made once: products with a transposed view are slower at every step.
    transposed = lax.optimization_barrier([strand.kernel.T for strand in strands])
    recurrents = [
        jnp.zeros((time, 1, 1)) if way.kind.additive else matmul(strand.history[-1], strand.kernel)
        for way, strand in zip(ways, strands, strict=True)
    ]

    def one(index, state, step):
        way, strand = ways[index], strands[index]
        d_carry, d_projected, d_recurrent, d_small = state
        t = way.position(time - 1 - step, time)
        valid = (t < lengths)[:, None]
        d_new = _select(valid, d_carry, jax.tree.map(jnp.zeros_like, d_carry))
        d_output = jnp.where(valid, _at(d_results[index][0], t), 0)
        _, pull = jax.vjp(
            way.kind.gates,
            jax.tree.map(lambda p: p.astype(jnp.float32), strand.small),
            tuple(_at(h, t) for h in strand.history),
            _at(strand.projected, t),
            _at(recurrents[index], t),
        )
        d_small_t, d_before, d_projected_t, d_recurrent_t = pull((d_new, d_output))
        if way.kind.additive:  # the gradients by both are one: store it once
            d_recurrent_t = d_projected_t
        else:
            d_recurrent = _put(d_recurrent, d_recurrent_t, t)
        d_through_kernel = matmul(d_recurrent_t, transposed[index])
        d_before = (*d_before[:-1], d_before[-1] + d_through_kernel)
        return (
            _select(valid, d_before, d_carry),
            _put(d_projected, d_projected_t, t),
            d_recurrent,
            jax.tree.map(jnp.add, d_small, d_small_t),
        )

    def initial(index):
        d_projected = jnp.zeros_like(strands[index].projected)
        d_recurrent = () if ways[index].kind.additive else d_projected
        d_small = jax.tree.map(lambda p: jnp.zeros(p.shape), strands[index].small)
        return d_results[index][1], d_projected, d_recurrent, d_small

    def body(step, states):
        return [one(index, states[index], step) for index in indices]

    def gradient(index, state):
        strand = strands[index]
        d_carry, d_projected, d_recurrent, d_small = state
        if ways[index].kind.additive:
            d_recurrent = d_projected
        return _Strand(
            kernel=weight_gradient(strand.history[-1], d_recurrent, strand.kernel.dtype),
            small=jax.tree.map(lambda d, p: d.astype(p.dtype), d_small, strand.small),
            projected=d_projected,
            carry=d_carry,
        )

    states = lax.fori_loop(0, time, body, [initial(index) for index in indices])
    return tuple(gradient(index, states[index]) for index in indices), None


_run.defvjp(_run_forward, _run_backward)


def _at(array: Array, t: Array) -> Array:
    return lax.dynamic_index_in_dim(array, t, axis=0, keepdims=False)


def _put(array: Array, value: Array, t: Array) -> Array:
    return lax.dynamic_update_index_in_dim(array, value, t, axis=0)


def _select(valid: Array, new: Carry, old: Carry) -> Carry:
    return tuple(jnp.where(valid, n, o) for n, o in zip(new, old, strict=True))
