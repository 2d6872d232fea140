"""Run cells over the tokens of each row: the only recurrence over time.

Batches are ragged (see `textrnn.layers.ragged`). Each direction starts at its own end of a row, and
a row that has ended keeps its carry. Two rows of lengths 3 and 1:

    tokens      a0 a1 a2 b0
    forward     (a0, b0), a1, a2
    backward    (a2, b0), a1, a0

On CPUs, the cells that have native kernels run in these. Other cells with one product run in a loop
with a fast gradient, linear cells in a parallel scan, and all others in a loop of single steps.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from textrnn.layers.axes import Lengths
from textrnn.layers.cells.cell import Carry, Cell
from textrnn.layers.cells.linear import LinearCell
from textrnn.layers.cells.one_product import OneProductCell
from textrnn.layers.loops.linear import linear_scan
from textrnn.layers.loops.native import native_loop
from textrnn.layers.loops.product import product_loop
from textrnn.layers.loops.step import step_loop
from textrnn.platform import uses_native


def unroll(
    cell: Cell,
    x: Float[Array, "tokens inputs"],
    lengths: Lengths,
    carry: Carry | None = None,
    *,
    reverse: bool = False,
) -> tuple[Float[Array, "tokens hidden"], Carry]:
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
    products = tuple(cell for cell in cells if isinstance(cell, OneProductCell))
    if len(products) == len(cells):
        return _unroll_products(products, reverse, x, carries, lengths)
    results = [
        linear_scan(cell, backward, inputs, carry, lengths)
        if isinstance(cell, LinearCell)
        else step_loop(cell, backward, inputs, carry, lengths)
        for cell, backward, inputs, carry in zip(cells, reverse, x, carries, strict=True)
    ]
    outputs, last = zip(*results, strict=True)
    return jnp.concatenate(outputs, axis=-1), last


def _unroll_products(
    cells: tuple[OneProductCell, ...],
    reverse: tuple[bool, ...],
    x: tuple[Float[Array, "tokens inputs"], ...],
    carries: tuple[Carry, ...],
    lengths: Lengths,
) -> tuple[Float[Array, "tokens outputs"], tuple[Carry, ...]]:
    kernel = cells[0].native
    if kernel is not None and uses_native():
        weights = tuple(cell.weights() for cell in cells)
        x = tuple(each.astype(jnp.float32) for each in x)
        return native_loop(kernel, reverse, weights, x, carries, lengths)
    return product_loop(cells, reverse, x, carries, lengths)
