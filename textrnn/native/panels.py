"""Matrices in the order in which the native kernels read them (src/panels.h).

A matrix is packed once, when a model is loaded. A matrix that was stored in int8, with one scale
for each column, is multiplied as bytes where that is faster; the values are the same.
"""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from textrnn import native

_MOST_INPUTS = 2**16
"""Of a matrix of bytes: the sum of 255 * 127 for each input fits into 32 bits."""


class Panels(NamedTuple):
    """A matrix of [inputs, columns], in panels of vectors of columns, padded with zeros."""

    floats: Float[Array, "panels inputs vectors lanes"] | None
    """None where the kernels need nothing but the bytes."""
    bytes: Int[Array, "panels groups vectors lanes group"] | None
    """None if the columns are not multiples of a scale. So for the following fields."""
    scales: Float[Array, "panels vectors lanes"] | None
    offsets: Int[Array, "panels vectors lanes"] | None
    """-128 times the sum of a column's bytes."""

    def arrays(self) -> list[Array]:
        """Those that are not None."""
        return [array for array in self if array is not None]

    @property
    def form(self) -> int:
        """Which arrays there are, as the kernels are told."""
        return (1 if self.floats is not None else 0) | (2 if self.bytes is not None else 0)


def pack_matrix(matrix: Float[Array, "inputs columns"], gates: int = 1) -> Panels:
    """Pack a matrix; `gates` divides its columns into blocks of which a cell needs one column each
    at the same time."""
    values = np.asarray(matrix, np.float32)
    group = native.byte_group()
    exact = _as_bytes(values) if group and len(values) <= _MOST_INPUTS else None
    if exact is None:
        return Panels(jax.device_put(_ordered(values, gates)), None, None, None)
    stored, scales = exact
    panels = _ordered(np.pad(stored, ((0, -len(stored) % group), (0, 0))), gates)
    count, inputs, vectors, lanes = panels.shape
    groups = panels.reshape(count, inputs // group, group, vectors, lanes)
    return Panels(
        None if group == 4 else jax.device_put(_ordered(values, gates)),
        jax.device_put(np.ascontiguousarray(groups.transpose(0, 1, 3, 4, 2))),
        jax.device_put(_ordered(scales[None], gates)[:, 0]),
        jax.device_put(panels.sum(axis=1, dtype=np.int32) * -128),
    )


def unpack_matrix(
    packed: Panels, gates: int, inputs: int, hidden: int
) -> Float[Array, "inputs gates*hidden"]:
    """The matrix, whose columns are `gates` blocks of `hidden`. Can be traced."""
    if packed.floats is not None:
        ordered = packed.floats
    else:
        assert packed.bytes is not None
        assert packed.scales is not None
        count, _, vectors, lanes, _ = packed.bytes.shape
        stored = packed.bytes.transpose(0, 1, 4, 2, 3).reshape(count, -1, vectors, lanes)
        ordered = stored[:, :inputs] * packed.scales[:, None]
    if gates == 1:
        return ordered.transpose(1, 0, 2, 3).reshape(inputs, -1)[:, :hidden]
    by_gate = ordered.transpose(1, 2, 0, 3).reshape(inputs, gates, -1)[:, :, :hidden]
    return by_gate.reshape(inputs, -1)


def _ordered(matrix: np.ndarray, gates: int) -> np.ndarray:
    """[inputs, gates * hidden] as [panels, inputs, vectors, lanes]."""
    lanes = native.lanes()
    inputs, hidden = matrix.shape[0], matrix.shape[1] // gates
    by_gate = matrix.reshape(inputs, gates, hidden)
    if gates == 1:  # vectors of adjacent columns
        padded = np.pad(by_gate, ((0, 0), (0, 0), (0, -hidden % (4 * lanes))))
        panels = padded.reshape(inputs, -1, 4, lanes).transpose(1, 0, 2, 3)
    else:  # one vector of each gate
        padded = np.pad(by_gate, ((0, 0), (0, 0), (0, -hidden % lanes)))
        panels = padded.reshape(inputs, gates, -1, lanes).transpose(2, 0, 1, 3)
    return np.ascontiguousarray(panels)


def _as_bytes(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Bytes and the scale of each column, if their product is the matrix up to rounding.

    Storing in int8 makes the largest value of a column 127 times its scale.
    """
    largest = np.abs(matrix).max(axis=0, initial=0)
    scales = np.where(largest > 0, largest, 1).astype(np.float32) / np.float32(127)
    multiples = matrix / scales
    stored = np.round(multiples)
    # float32 scales and products are off by at most 127 * 2^-23 multiples each.
    exact = bool((np.abs(multiples - stored) < 1e-4).all())
    return (stored.astype(np.int8), scales) if exact else None
