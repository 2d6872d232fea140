"""Recurrent cells over ragged batches on the CPU: LSTM, GRU and Elman, forward and backward.

The tokens of all rows lie one after another on one axis; `lengths` says how many each row has. Work
is done for real tokens only, and results at padding are zero. A call runs one or two directions in
parallel; `reverse` says for each whether it reads its rows from the last token to the first.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from textrnn import native
from textrnn.native.panels import Panels, pack_matrix, unpack_matrix

NativeCell = Literal["elman", "lstm", "gru"]
_Carry = tuple[Float[Array, "rows hidden"], ...]
"""(c, h) of an LSTM, (h,) of the others."""

_NUMBERS: dict[NativeCell, int] = {"elman": 0, "lstm": 1, "gru": 2}
_GATES: dict[NativeCell, int] = {"elman": 1, "lstm": 4, "gru": 3}


class Weights(NamedTuple):
    """The weights of one direction, with the columns in the order of `textrnn.layers.cells`."""

    input_kernel: Float[Array, "inputs gates"]
    """float32 or bfloat16, like the recurrent kernel. If this is bfloat16, products round the other
    operand as well where `native.multiplies_bfloat16()`. Sums are in float32."""
    recurrent_kernel: Float[Array, "hidden gates"]
    bias: Float[Array, " gates"]
    recurrent_bias: Float[Array, " hidden"] | None = None
    """Of a GRU."""


class Packed(NamedTuple):
    """`Weights` with the kernels packed."""

    input_kernel: Panels
    recurrent_kernel: Panels
    bias: Float[Array, " gates"]
    recurrent_bias: Float[Array, " hidden"] | None = None


class Saved(NamedTuple):
    """What the backward pass of one direction reads besides the outputs."""

    activations: Float[Array, "tokens gates"]
    """The gates after their nonlinearity, in the order of the kernels' columns."""
    states: Float[Array, "tokens hidden"]
    """c of an LSTM; the recurrent part of the gate n of a GRU."""


class Gradients(NamedTuple):
    """The gradients of one direction by what precedes the products with its kernels.

    The gradient by the input kernel is x^T d_projected, by the recurrent kernel previous^T
    d_recurrent, by the bias the sum of d_projected over tokens, and by x d_projected W^T.
    """

    d_projected: Float[Array, "tokens gates"]
    """By x W + b."""
    d_recurrent: Float[Array, "tokens gates"]
    """By h U. The same array as `d_projected`, except for a GRU."""
    previous: Float[Array, "tokens hidden"]
    """The h that U multiplied at each token."""
    d_carry: _Carry
    """By the initial carry."""


def pack_weights(cell: NativeCell, weights: Weights) -> Packed:
    """Bring float32 weights into the kernels' order, once, when a model is loaded."""
    gates = _GATES[cell]
    return Packed(
        pack_matrix(weights.input_kernel, gates),
        pack_matrix(weights.recurrent_kernel, gates),
        weights.bias,
        weights.recurrent_bias,
    )


def unpack_weights(cell: NativeCell, packed: Packed, inputs: int) -> Weights:
    """The inverse of `pack_weights`, which can be traced."""
    gates, hidden = _GATES[cell], packed.bias.size // _GATES[cell]
    return Weights(
        unpack_matrix(packed.input_kernel, gates, inputs, hidden),
        unpack_matrix(packed.recurrent_kernel, gates, hidden, hidden),
        packed.bias,
        packed.recurrent_bias,
    )


def native_unroll(
    cell: NativeCell,
    weights: Sequence[Weights] | Sequence[Packed],
    x: Sequence[Float[Array, "tokens inputs"]],
    carries: Sequence[_Carry],
    lengths: Int[Array, " rows"],
    reverse: tuple[bool, ...],
) -> tuple[Float[Array, "tokens directions*hidden"], tuple[_Carry, ...]]:
    """The outputs and the final carry of each direction.

    All sequences have one entry for each direction. The outputs of direction d are in the columns
    from d * hidden on. The final carry of an empty row is its initial carry.

    Running the result raises an error if a length is negative or the lengths exceed the tokens.
    """
    outputs, carries, _ = _forward(cell, weights, x, carries, lengths, reverse, save=False)
    return outputs, carries


def native_unroll_saving(
    cell: NativeCell,
    weights: Sequence[Weights] | Sequence[Packed],
    x: Sequence[Float[Array, "tokens inputs"]],
    carries: Sequence[_Carry],
    lengths: Int[Array, " rows"],
    reverse: tuple[bool, ...],
) -> tuple[Float[Array, "tokens directions*hidden"], tuple[_Carry, ...], tuple[Saved | None, ...]]:
    """`native_unroll`, and what `native_unroll_backward` needs: nothing for an Elman cell."""
    return _forward(cell, weights, x, carries, lengths, reverse, save=True)


def native_unroll_backward(
    cell: NativeCell,
    recurrent_kernels: Sequence[Float[Array, "hidden gates"]],
    saved: Sequence[Saved | None],
    outputs: Float[Array, "tokens directions*hidden"],
    carries: Sequence[_Carry],
    lengths: Int[Array, " rows"],
    d_outputs: Float[Array, "tokens directions*hidden"],
    d_carries: Sequence[_Carry],
    reverse: tuple[bool, ...],
) -> tuple[Gradients, ...]:
    """Back through time: the gradients of each direction, all zero at padding.

    `carries` are the initial ones, `d_carries` the gradients by the final ones.
    """
    tokens, hidden, rows = outputs.shape[0], carries[0][-1].shape[1], lengths.shape[0]
    width = _GATES[cell] * hidden
    arguments, results = [], []
    for index, kernel in enumerate(recurrent_kernels):
        arguments += [kernel, *carries[index], *(saved[index] or ()), *d_carries[index]]
        results += [(tokens, width)] * (2 if cell == "gru" else 1)
        results += [(tokens, hidden), *[(rows, hidden)] * len(carries[index])]
    call = jax.ffi.ffi_call(native.call_target("textrnn_unroll_backward"), _shapes(results))
    found = iter(
        call(
            lengths, outputs, d_outputs, *arguments,
            cell=_NUMBERS[cell], hidden=hidden, reverse=_integers(reverse),
        )
    )  # fmt: skip
    gradients = []
    for carry in carries:
        d_projected = next(found)
        d_recurrent = next(found) if cell == "gru" else d_projected
        previous = next(found)
        d_carry = tuple(next(found) for _ in carry)
        gradients.append(Gradients(d_projected, d_recurrent, previous, d_carry))
    return tuple(gradients)


def _forward(
    cell: NativeCell,
    weights: Sequence[Weights] | Sequence[Packed],
    x: Sequence[Float[Array, "tokens inputs"]],
    carries: Sequence[_Carry],
    lengths: Int[Array, " rows"],
    reverse: tuple[bool, ...],
    save: bool,
) -> tuple[Float[Array, "tokens directions*hidden"], tuple[_Carry, ...], tuple[Saved | None, ...]]:
    tokens, hidden, rows = x[0].shape[0], carries[0][-1].shape[1], lengths.shape[0]
    save = save and cell != "elman"
    arguments, forms, results = [], [], [(tokens, len(x) * hidden)]
    for index, direction in enumerate(weights):
        arguments.append(x[index])
        for kernel in direction[:2]:
            arguments += kernel.arrays() if isinstance(kernel, Panels) else [kernel]
            forms += [kernel.form] if isinstance(kernel, Panels) else []
        arguments += [bias for bias in direction[2:] if bias is not None]
        arguments += carries[index]
        results += [(rows, hidden)] * len(carries[index])
        results += [(tokens, _GATES[cell] * hidden), (tokens, hidden)] if save else []
    call = jax.ffi.ffi_call(native.call_target("textrnn_unroll"), _shapes(results))
    found = iter(
        call(
            lengths, *arguments,
            cell=_NUMBERS[cell], hidden=hidden, reverse=_integers(reverse),
            forms=_integers(forms), save=save,
        )
    )  # fmt: skip
    outputs, finals, saved = next(found), [], []
    for carry in carries:
        finals.append(tuple(next(found) for _ in carry))
        saved.append(Saved(next(found), next(found)) if save else None)
    return outputs, tuple(finals), tuple(saved)


def _shapes(shapes: list[tuple[int, ...]]) -> list[jax.ShapeDtypeStruct]:
    return [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]


def _integers(values: Sequence[int]) -> np.ndarray:
    return np.array(values, np.int64)
