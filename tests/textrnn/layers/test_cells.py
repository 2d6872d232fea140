import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from support.cells import each_cell, numpy_params, of_row, random_cell, visited_carry
from support.paths import ROOT
from support.reference_cells import STEPS
from textrnn.layers.cells.choice import cell_choice
from textrnn.layers.cells.reservoir import spectral_radius
from textrnn.layers.unroll import unroll

TORCH = json.loads((ROOT / "tests" / "data" / "torch_cells.json").read_text())["cells"]
# PyTorch has the same order of gates: LSTM i, f, g, o; GRU r, z, n.


@pytest.mark.parametrize("kind", each_cell())
def test_step_equals_the_reference(kind):
    """Fails on a wrong gate order, a missing bias, or a carry in the wrong place."""
    cell = random_cell(kind, 3, 6)
    carry = visited_carry(cell, rows=4)
    x = np.random.default_rng(1).normal(size=(4, 3))
    advance = jax.jit(lambda carry, x: cell.step(carry, cell.project(x)))
    result_carry, result = advance(carry, jnp.asarray(x, jnp.float32))
    for row in range(4):
        expected_carry, expected = STEPS[kind](
            numpy_params(cell), of_row(carry, row), x[row], cell.options
        )
        np.testing.assert_allclose(result[row], expected, atol=1e-5)
        found = of_row(result_carry, row)
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected_carry), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("kind", each_cell())
def test_a_step_is_finite_where_a_row_has_ended(kind):
    """A row that has ended has a carry and an input of zeros. Fails if the step or its gradient is
    then not finite, which would spoil the gradient of the whole batch."""
    cell = random_cell(kind, 3, 6)
    carry = jax.tree.map(jnp.zeros_like, cell.carry(1))
    graph, params = nnx.split(cell)

    @jax.jit
    @jax.grad
    def gradient(inputs):
        params, carry, projected = inputs
        new, output = nnx.merge(graph, params).step(carry, projected)
        return output.sum() + sum(leaf.sum() for leaf in jax.tree.leaves(new))

    for leaf in jax.tree.leaves(gradient((params, carry, cell.project(jnp.zeros((1, 3)))))):
        assert np.isfinite(leaf).all()


def test_euler_steps_of_a_continuous_time_network():
    """The option selects the step. Fails if both methods are the same."""
    cell: Any = cell_choice("ctrnn", method="euler").build(3, 6, rngs=nnx.Rngs(0))
    carry, x = visited_carry(cell, rows=1), np.array([0.3, -1.0, 2.0])
    _, output = cell.step(carry, cell.project(jnp.asarray(x[None], jnp.float32)))
    _, expected = STEPS["ctrnn"](numpy_params(cell), of_row(carry, 0), x, cell.options)
    np.testing.assert_allclose(output[0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("stack", {"depth": 4, "width": 2, "recurrent": False}),
        ("indrnn", {"slowest": 100.0}),
    ],
)
def test_steps_of_other_options(kind, options):
    """Fails if a network without recurrence has some, or if the bound of a memory is missing."""
    cell: Any = cell_choice(kind, **options).build(3, 6, rngs=nnx.Rngs(0))
    if kind == "indrnn":
        cell.recurrent[...] = jnp.array([0.5, 1.5, -1.5, 1.0, -0.5, 0.0])
    carry, x = visited_carry(cell, rows=1), np.array([0.3, -1.0, 2.0])
    _, output = cell.step(carry, cell.project(jnp.asarray(x[None], jnp.float32)))
    _, expected = STEPS[kind](numpy_params(cell), of_row(carry, 0), x, cell.options)
    np.testing.assert_allclose(output[0], expected, atol=1e-5)


def test_time_constants_of_a_long_memory():
    """The slowest unit of an IndRNN keeps 1 / e of its state over so many steps."""
    cell: Any = cell_choice("indrnn", slowest=100.0).build(3, 6, rngs=nnx.Rngs(0))
    u = np.asarray(cell.recurrent[...])
    assert u[0] == 0
    assert u[-1] ** 100 == pytest.approx(np.exp(-1), rel=0.01)
    assert (np.diff(u) > 0).all()


def test_the_spectral_radius_of_a_reservoir_is_as_asked():
    for seed in range(3):
        cell: Any = cell_choice("echo_state", radius=0.8).build(2, 50, rngs=nnx.Rngs(seed))
        eigenvalues = np.linalg.eigvals(np.asarray(cell.recurrent_kernel[...], np.float64))
        assert abs(eigenvalues).max() == pytest.approx(0.8, rel=1e-3)
    assert spectral_radius(jnp.triu(jnp.ones((4, 4)), 1)) == 0


def test_what_the_lower_level_predicts_does_not_reach_the_upper_one():
    """Fails if the upper level of a history compressor steps at an expected input."""
    cell: Any = cell_choice("compressor").build(3, 6, rngs=nnx.Rngs(0))
    carry = visited_carry(cell, rows=1)
    predicted = carry[0] @ cell.prediction[...] + cell.prediction_bias[...]
    expected, _ = cell.step(carry, cell.project(predicted))
    np.testing.assert_array_equal(expected[1], carry[1])
    surprised, _ = cell.step(carry, cell.project(predicted + 5))
    assert (surprised[1] != carry[1]).all()


def test_the_lower_level_learns_to_predict():
    """Fails if its loss has no gradient, or one where no gradient of the task arrives."""
    cell: Any = cell_choice("compressor").build(3, 6, rngs=nnx.Rngs(0))
    graph, params = nnx.split(cell)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)), jnp.float32)
    used = jnp.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])

    def task(params, used):
        outputs, _ = unroll(nnx.merge(graph, params), x, jnp.array([3, 3]))
        return (outputs * used[:, None]).sum()

    gradient = jax.jit(jax.grad(task))
    assert np.abs(gradient(params, used)["prediction"].get_value()).max() > 0
    assert not gradient(params, 0 * used)["prediction"].get_value().any()


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("projected_lstm", {"input_rank": 4}, "input_rank is 4, more than the 3 features"),
        ("mtrnn", {}, "time_constants has 3 groups for 2 units"),
        ("clockwork", {}, "periods has 4 groups for 2 units"),
        ("hmlstm", {"levels": 3}, "2 units cannot be divided evenly among 3 levels"),
    ],
)
def test_options_that_do_not_fit_the_size(kind, options, message):
    with pytest.raises(ValueError, match=message):
        cell_choice(kind, **options).build(3, 2, rngs=nnx.Rngs(0))


@pytest.mark.parametrize("kind", TORCH)
def test_forward_and_gradient_equal_pytorch(kind):
    """Fails if a cell differs from the cell of this name in the literature and in PyTorch."""
    stored = {name: np.asarray(value, np.float32) for name, value in TORCH[kind].items()}
    cell: Any = cell_choice(kind).build(3, 4, rngs=nnx.Rngs(0))
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
    cell: Any = cell_choice("lstm").build(3, 4, rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(cell.bias[...], np.repeat([0, 1, 0, 0], 4))
