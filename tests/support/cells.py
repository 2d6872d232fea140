"""Cells with random parameters."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from textrnn.layers.cells import CELLS


def random_cell(kind, inputs, hidden, seed=0):
    """A cell with random biases, so that a misplaced bias changes the result."""
    cell = CELLS[kind](inputs, hidden, rngs=nnx.Rngs(seed))
    random = np.random.default_rng(seed)
    for name in ("bias", "recurrent_bias"):
        if hasattr(cell, name):
            value = getattr(cell, name)
            value[...] = jnp.asarray(random.normal(size=value.shape), jnp.float32)
    return cell


def numpy_params(cell):
    names = ("input_kernel", "recurrent_kernel", "bias", "recurrent_bias")
    names += ("input_gates", "state_gates")
    return {n: np.asarray(getattr(cell, n)[...], np.float64) for n in names if hasattr(cell, n)}
