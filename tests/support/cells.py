"""Cells with random parameters."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from textrnn.layers.cells.choice import cell_choice
from textrnn.layers.cells.registry import CELLS

OPTIONS = {
    "projected_lstm": {"input_rank": 2, "recurrent_rank": 3},
    "mtrnn": {"time_constants": [1.5, 4, 9]},
    "clockwork": {"periods": [1, 2, 3]},
    "echo_state": {"density": 0.5, "leak": 0.6},
    "stack": {"depth": 4, "width": 2, "read": 2},
    "ntm": {"slots": 5, "width": 3},
    "dnc": {"slots": 4, "width": 3, "heads": 2},
}
"""Options for cells of a few units."""
NATIVE = [name for name, kind in CELLS.items() if getattr(kind, "native", None)]
"""Cells that have native kernels."""


def small(kind):
    """The choice of a cell of a few units."""
    return cell_choice(kind, **OPTIONS.get(kind, {}))


def random_cell(kind, inputs, hidden, seed=0) -> Any:
    """A cell with random parameters, so that a misplaced bias changes the result."""
    cell = small(kind).build(inputs, hidden, rngs=nnx.Rngs(seed))
    graph, params = nnx.split(cell)
    random = np.random.default_rng(seed)
    draw = lambda p: p + jnp.asarray(random.normal(size=p.shape, scale=0.3), jnp.float32)  # noqa: E731
    return nnx.merge(graph, jax.tree.map(draw, params))


def visited_carry(cell, rows, seed=0):
    """A carry that the cell reaches: that after a few steps of random input."""
    random, carry = np.random.default_rng(seed), cell.carry(rows)
    step = jax.jit(lambda carry, x: cell.step(carry, cell.project(x))[0])
    for _ in range(3):
        carry = step(carry, jnp.asarray(random.normal(size=(rows, cell.inputs)), jnp.float32))
    return carry


def of_row(carry, row):
    """The carry of one row, in float64."""
    return jax.tree.map(lambda part: np.asarray(part[row], np.float64), carry)


def numpy_params(cell):
    """Parameters by dotted names, in float64."""
    leaves = nnx.to_flat_state(nnx.state(cell, nnx.Param))
    return {".".join(map(str, path)): np.asarray(leaf[...], np.float64) for path, leaf in leaves}


def each_cell(make=lambda kind: kind):
    """The parameters of a test for each cell, `make(kind)`. Those of cells without a native kernel
    are not repeated for other instruction sets."""
    params = []
    for kind in CELLS:
        value = make(kind)
        values = value if isinstance(value, tuple) else (value,)
        marks = () if kind in NATIVE else (pytest.mark.portable,)
        params.append(pytest.param(*values, marks=marks))
    return params
