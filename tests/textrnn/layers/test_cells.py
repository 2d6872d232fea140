import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from support import reference
from support.cells import numpy_params, random_cell
from support.paths import ROOT
from textrnn.layers.cells import CELLS
from textrnn.layers.unroll import unroll

TORCH = json.loads((ROOT / "tests" / "data" / "torch_cells.json").read_text())["cells"]
# PyTorch has the same order of gates: LSTM i, f, g, o; GRU r, z, n.


@pytest.mark.parametrize("kind", CELLS)
def test_step_equals_the_reference(kind):
    """Fails on a wrong gate order, a missing bias, or a carry in the wrong place."""
    cell = random_cell(kind, 3, 5)
    random = np.random.default_rng(1)
    x = random.normal(size=(4, 3))
    carry = tuple(random.normal(size=(4, 5)) for _ in range(cell.carries))
    result_carry, result = cell.step(
        tuple(jnp.asarray(c, jnp.float32) for c in carry),
        cell.project(jnp.asarray(x, jnp.float32)),
    )
    for row in range(4):
        expected_carry, expected = reference.STEPS[kind](
            numpy_params(cell), tuple(c[row] for c in carry), x[row]
        )
        np.testing.assert_allclose(result[row], expected, atol=1e-5)
        for a, b in zip(result_carry, expected_carry, strict=True):
            np.testing.assert_allclose(a[row], b, atol=1e-5)


@pytest.mark.parametrize("kind", TORCH)
def test_forward_and_gradient_equal_pytorch(kind):
    """Fails if a cell differs from the cell of this name in the literature and in PyTorch."""
    stored = {name: np.asarray(value, np.float32) for name, value in TORCH[kind].items()}
    cell: Any = CELLS[kind](3, 4, rngs=nnx.Rngs(0))
    cell.input_kernel[...] = jnp.asarray(stored["weight_ih"].T)
    cell.recurrent_kernel[...] = jnp.asarray(stored["weight_hh"].T)
    bias_ih, bias_hh = stored["bias_ih"][0], stored["bias_hh"][0]
    if kind == "gru":  # the reset gate also applies to the recurrent bias of n
        both = np.concatenate([bias_hh[:8], np.zeros(4, np.float32)])
        cell.bias[...] = jnp.asarray(bias_ih + both)
        cell.recurrent_bias[...] = jnp.asarray(bias_hh[8:])
    else:
        cell.bias[...] = jnp.asarray(bias_ih + bias_hh)
    # Two rows of five steps, which PyTorch stores step by step.
    by_row = lambda array: array.reshape(5, 2, -1).swapaxes(0, 1).reshape(10, -1)  # noqa: E731
    x = jnp.asarray(by_row(stored["x"]))
    graph, params = nnx.split(cell)

    def run(params, x):
        outputs, _ = unroll(nnx.merge(graph, params), x, jnp.array([5, 5]))
        return (outputs**2).sum(), outputs

    (d_params, d_x), outputs = jax.grad(run, argnums=(0, 1), has_aux=True)(params, x)
    np.testing.assert_allclose(outputs, by_row(stored["y"]), atol=1e-5)
    np.testing.assert_allclose(d_x, by_row(stored["d_x"]), atol=1e-4)
    np.testing.assert_allclose(
        d_params["recurrent_kernel"].get_value().T, stored["d_weight_hh"], atol=1e-4
    )


def test_the_initial_forget_bias_is_1():
    """Fails if the initial bias is set on another gate."""
    cell = CELLS["lstm"](3, 4, rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(cell.bias[...], np.repeat([0, 1, 0, 0], 4))
