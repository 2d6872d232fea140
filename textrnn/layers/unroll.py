"""Run cells over the tokens of each row: the only recurrence over time.

Batches are ragged (see `textrnn.layers.ragged`). Each direction starts at its own end of a row, and
a row that has ended keeps its carry. Two rows of lengths 3 and 1:

    tokens      a0 a1 a2 b0
    forward     (a0, b0), a1, a2
    backward    (a2, b0), a1, a0

On CPUs, the cells that have native kernels run in these, and on NVIDIA GPUs an LSTM in cuDNN.
Everything else runs in a loop of XLA.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from textrnn.layers import cudnn
from textrnn.layers.axes import Lengths
from textrnn.layers.cells import Carry, Cell, GateParameters
from textrnn.layers.linear import matmul, matmul_transposed, weight_gradient
from textrnn.layers.ragged import row_starts
from textrnn.native import recurrent
from textrnn.platform import uses_cudnn, uses_native

_Outputs = Float[Array, "tokens hidden"]
Step = Int[Array, ""]


def unroll(
    cell: Cell,
    x: Float[Array, "tokens inputs"],
    lengths: Lengths,
    carry: Carry | None = None,
    *,
    reverse: bool = False,
) -> tuple[_Outputs, Carry]:
    """The output at each token, zero at padding, and the carry of each row after its last step.

    The carry of an empty row is the initial one.
    """
    carry = cell.carry(len(lengths)) if carry is None else carry
    outputs, (last,) = _unroll((cell,), (reverse,), (x,), (carry,), lengths)
    return outputs, last


def unroll_both(
    forward: Cell,
    backward: Cell,
    x_forward: Float[Array, "tokens inputs"],
    x_backward: Float[Array, "tokens inputs"],
    lengths: Lengths,
) -> tuple[Float[Array, "tokens outputs"], tuple[Carry, Carry]]:
    """One cell left to right and one right to left: their concatenated outputs, and the last carry
    of each.

    Equivalent to two calls of `unroll`, and faster: native kernels run the directions in parallel,
    and in a loop of XLA a step has more work to share among cores.
    """
    cells, x = (forward, backward), (x_forward, x_backward)
    carries = tuple(cell.carry(len(lengths)) for cell in cells)
    outputs, last = _unroll(cells, (False, True), x, carries, lengths)
    return outputs, (last[0], last[1])


def _unroll(
    cells: tuple[Cell, ...],
    reverse: tuple[bool, ...],
    x: tuple[Float[Array, "tokens inputs"], ...],
    carries: tuple[Carry, ...],
    lengths: Lengths,
) -> tuple[Float[Array, "tokens outputs"], tuple[Carry, ...]]:
    lengths = jnp.asarray(lengths, jnp.int32)
    kernel = cells[0].native
    if kernel is not None and uses_native():
        weights = tuple(cell.weights() for cell in cells)
        x = tuple(each.astype(jnp.float32) for each in x)
        return _native(kernel, reverse, weights, x, carries, lengths)
    loop = partial(_run_loop, cells, reverse, x, carries, lengths)
    if uses_cudnn() and cudnn.has_cudnn_layer(cells, reverse, x) and len(x[0]) >= len(lengths):
        longest = len(x[0]) // len(lengths)
        through_cudnn = partial(cudnn.cudnn_unroll, cells, x[0], carries, lengths, longest)
        # A batch of rows of similar length, as in training, fits into a grid of its capacity.
        return lax.cond(lengths.max() <= longest, through_cudnn, loop)
    return loop()


def _run_loop(
    cells: tuple[Cell, ...],
    reverse: tuple[bool, ...],
    x: tuple[Float[Array, "tokens inputs"], ...],
    carries: tuple[Carry, ...],
    lengths: Lengths,
) -> tuple[Float[Array, "tokens outputs"], tuple[Carry, ...]]:
    directions = tuple(map(_Direction, map(type, cells), reverse))
    inputs = tuple(
        _Inputs(cell.kernel(), cell.gate_parameters(), cell.project(x), carry)
        for cell, x, carry in zip(cells, x, carries, strict=True)
    )
    results: Any = _loop(directions, inputs, lengths)
    return jnp.concatenate([outputs for outputs, _ in results], -1), tuple(c for _, c in results)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _native(kernel, reverse, weights, x, carries, lengths):
    return recurrent.native_unroll(kernel, weights, x, carries, lengths, reverse)


def _native_forward(kernel, reverse, weights, x, carries, lengths):
    outputs, last, saved = recurrent.native_unroll_saving(
        kernel, weights, x, carries, lengths, reverse
    )
    return (outputs, last), (weights, x, carries, lengths, outputs, saved)


def _native_backward(kernel, reverse, residuals, d_results):
    """The kernel goes backward through time; the products over all tokens follow."""
    weights, x, carries, lengths, outputs, saved = residuals
    packed = isinstance(weights[0], recurrent.Packed)
    if packed:
        weights = tuple(
            recurrent.unpack_weights(kernel, each, inputs.shape[1])
            for each, inputs in zip(weights, x, strict=True)
        )
    kernels = tuple(each.recurrent_kernel for each in weights)
    d_outputs, d_last = d_results
    gradients = recurrent.native_unroll_backward(
        kernel, kernels, saved, outputs, carries, lengths, d_outputs, d_last, reverse
    )
    # Packed weights are not trained.
    d_weights = None if packed else tuple(map(_weight_gradients, weights, x, gradients))
    d_x = tuple(
        matmul_transposed(gradient.d_projected, each.input_kernel)
        for each, gradient in zip(weights, gradients, strict=True)
    )
    return d_weights, d_x, tuple(gradient.d_carry for gradient in gradients), None


def _weight_gradients(
    weights: recurrent.Weights, x: Float[Array, "tokens inputs"], gradient: recurrent.Gradients
) -> recurrent.Weights:
    dtype, recurrent_bias = weights.input_kernel.dtype, None
    if weights.recurrent_bias is not None:  # of a GRU, whose last gate it belongs to
        recurrent_bias = gradient.d_recurrent[:, -len(weights.recurrent_bias) :].sum(axis=0)
    return recurrent.Weights(
        weight_gradient(x, gradient.d_projected, dtype),
        weight_gradient(gradient.previous, gradient.d_recurrent, dtype),
        gradient.d_projected.sum(axis=0),
        recurrent_bias,
    )


_native.defvjp(_native_forward, _native_backward)


class _Direction(NamedTuple):
    """The static part of a scan, known when the loop is compiled."""

    kind: type[Cell]
    reverse: bool

    def tokens(
        self, step: Step, lengths: Lengths, capacity: int
    ) -> tuple[Int[Array, " rows"], Bool[Array, "rows 1"]]:
        """The token that each row reads at a step, `capacity` if it has ended, and whether it has
        not."""
        running = step < lengths
        position = lengths - 1 - step if self.reverse else step
        index = jnp.where(running, row_starts(lengths) + position, capacity)
        return index, running[:, None]


class _Inputs(NamedTuple):
    """The arrays that one cell reads in a scan."""

    kernel: Float[Array, "hidden gates"]
    parameters: GateParameters
    projected: Float[Array, "tokens gates"]
    carry: Carry


# Autodiff through a scan accumulates the recurrent kernel's gradient step by step, which reads and
# writes the whole matrix at every step, and it needs a static number of steps. The rule below runs
# the elementwise part backward through time and then computes that gradient as one product over all
# tokens. Of the forward pass it keeps the carries and, for additive cells, the sums of projected
# and recurrent.


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loop(
    directions: tuple[_Direction, ...], inputs: tuple[_Inputs, ...], lengths: Lengths
) -> tuple[tuple[_Outputs, Carry], ...]:
    states = _forward(directions, inputs, lengths, keep=False)
    return tuple((state.outputs, state.carry) for state in states)


class _State(NamedTuple):
    """The loop state of one cell in the forward pass."""

    carry: Carry
    outputs: _Outputs
    history: Carry
    """The carry before each token, [tokens, hidden]; empty unless kept."""
    sums: Float[Array, "..."]
    """The sums of projected and recurrent, [tokens, gates]; a scalar zero unless kept."""


def _forward(
    directions: tuple[_Direction, ...], inputs: tuple[_Inputs, ...], lengths: Lengths, keep: bool
) -> list[_State]:
    capacity = len(inputs[0].projected)

    def advance(direction: _Direction, cell: _Inputs, state: _State, step: Step) -> _State:
        carry, outputs, history, sums = state
        tokens, running = direction.tokens(step, lengths, capacity)
        recurrent = matmul(carry[-1], cell.kernel)
        projected = _read(cell.projected, tokens)
        if keep:
            history = tuple(_write(h, c, tokens) for h, c in zip(history, carry, strict=True))
            if direction.kind.additive:
                sums = _write(sums, projected + recurrent, tokens)
        new, output = direction.kind.gates(cell.parameters, carry, projected, recurrent)
        outputs = _write(outputs, output, tokens)
        return _State(_select(running, new, carry), outputs, history, sums)

    def body(step: Step, states: list[_State]) -> list[_State]:
        return [advance(*each, step) for each in zip(directions, inputs, states, strict=True)]

    def initial(direction: _Direction, cell: _Inputs) -> _State:
        buffer = jnp.zeros((capacity, cell.carry[-1].shape[-1]))
        history = (buffer,) * len(cell.carry) if keep else ()
        additive = direction.kind.additive
        sums = jnp.zeros_like(cell.projected) if keep and additive else jnp.zeros(())
        return _State(cell.carry, buffer, history, sums)

    initials = [initial(*each) for each in zip(directions, inputs, strict=True)]
    return lax.fori_loop(0, _steps(lengths), body, initials)


class _Saved(NamedTuple):
    """What the backward pass needs of one cell's forward pass."""

    kernel: Float[Array, "hidden gates"]
    parameters: GateParameters
    projected: Float[Array, "tokens gates"]
    """For an additive cell, the sum of projected and recurrent."""
    history: Carry


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
    capacity, steps = len(saved[0].projected), _steps(lengths)
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
        tokens, running = direction.tokens(steps - 1 - step, lengths, capacity)
        d_new = _select(running, d_carry, jax.tree.map(jnp.zeros_like, d_carry))
        d_output = _read(d_results[index][0], tokens)
        _, pull_back = jax.vjp(
            direction.kind.gates,
            jax.tree.map(lambda p: p.astype(jnp.float32), cell.parameters),
            tuple(_read(h, tokens) for h in cell.history),
            _read(cell.projected, tokens),
            _read(recurrents[index], tokens),
        )
        d_parameters_t, d_before, d_projected_t, d_recurrent_t = pull_back((d_new, d_output))
        if direction.kind.additive:  # both gradients are equal: store one
            d_recurrent_t = d_projected_t
        else:
            d_recurrent = _write(d_recurrent, d_recurrent_t, tokens)
        d_through_kernel = matmul(d_recurrent_t, transposed[index])
        d_before = (*d_before[:-1], d_before[-1] + d_through_kernel)
        return (
            _select(running, d_before, d_carry),
            _write(d_projected, d_projected_t, tokens),
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


def _steps(lengths: Lengths) -> Step:
    return jnp.max(jnp.asarray(lengths), initial=0)


def _read(
    array: Float[Array, "tokens features"], tokens: Int[Array, " rows"]
) -> Float[Array, "rows features"]:
    """The entry of each row's token, and zeros for a row that has ended."""
    return array.at[tokens].get(mode="fill", fill_value=0)


def _write(
    array: Float[Array, "tokens features"],
    value: Float[Array, "rows features"],
    tokens: Int[Array, " rows"],
) -> Float[Array, "tokens features"]:
    return array.at[tokens].set(value, mode="drop")


def _select(running: Bool[Array, "rows 1"], new: Carry, old: Carry) -> Carry:
    return tuple(jnp.where(running, n, o) for n, o in zip(new, old, strict=True))
