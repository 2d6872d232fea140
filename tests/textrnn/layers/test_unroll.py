import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from support import reference
from support.cells import numpy_params, random_cell
from textrnn.layers.cells import CELLS
from textrnn.layers.unroll import unroll, unroll_both

TIME, INPUTS, HIDDEN = 7, 3, 5
LENGTHS = np.array([7, 1, 4, 0])


@pytest.fixture
def x():
    random = np.random.default_rng(0)
    return jnp.asarray(random.normal(size=(TIME, len(LENGTHS), INPUTS)), jnp.float32)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_equals_the_reference_row_by_row(kind, reverse, x):
    """Fails if padding changes the carry, or the backward direction starts in the padding."""
    cell = random_cell(kind, INPUTS, HIDDEN)
    outputs, carry = unroll(cell, x, jnp.asarray(LENGTHS), reverse=reverse)
    for row, length in enumerate(LENGTHS):
        expected, expected_carry = reference.unroll(
            kind, numpy_params(cell), np.asarray(x[:, row]), length, reverse
        )
        np.testing.assert_allclose(outputs[:, row], expected, atol=1e-5)
        for a, b in zip(carry, expected_carry, strict=True):
            np.testing.assert_allclose(a[row], b, atol=1e-5)


@pytest.mark.parametrize("kind", CELLS)
def test_continues_from_a_carry(kind, x):
    """Fails if the initial carry is ignored: one run must equal two halves."""
    cell = random_cell(kind, INPUTS, HIDDEN)
    full = jnp.full(len(LENGTHS), TIME)
    whole, last = unroll(cell, x, full)
    first, carry = unroll(cell, x[:3], jnp.full(len(LENGTHS), 3))
    second, after = unroll(cell, x[3:], jnp.full(len(LENGTHS), TIME - 3), carry)
    np.testing.assert_allclose(jnp.concatenate([first, second]), whole, atol=1e-6)
    for a, b in zip(after, last, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("kind", CELLS)
def test_gradients_equal_autodiff_through_single_steps(kind, x):
    """By input, every parameter and both carries. Fails on any error in the custom gradient."""
    forward, backward = random_cell(kind, INPUTS, HIDDEN, 1), random_cell(kind, INPUTS, HIDDEN, 2)
    graphs, params = zip(nnx.split(forward), nnx.split(backward), strict=True)
    lengths = jnp.asarray(LENGTHS)
    weights = np.random.default_rng(3).normal(size=(2, TIME, len(LENGTHS), HIDDEN))

    def total(results):
        value = 0.0
        for (outputs, carry), weight in zip(results, weights, strict=True):
            value += (outputs * weight).sum() + sum((c**3).sum() for c in carry)
        return value

    def fast(params, x):
        cells = [nnx.merge(g, p) for g, p in zip(graphs, params, strict=True)]  # type: ignore
        return total(unroll_both(cells[0], cells[1], x, x * 0.5, lengths))

    def slow(params, x):
        cells = [nnx.merge(g, p) for g, p in zip(graphs, params, strict=True)]  # type: ignore
        return total([stepwise(cells[0], x, False), stepwise(cells[1], x * 0.5, True)])

    def stepwise(cell, x, reverse):
        carry, outputs = cell.carry(len(LENGTHS)), [jnp.zeros(())] * TIME
        for t in reversed(range(TIME)) if reverse else range(TIME):
            new, output = cell.step(carry, cell.project(x[t]))
            valid = (t < lengths)[:, None]
            carry = tuple(jnp.where(valid, a, b) for a, b in zip(new, carry, strict=True))
            outputs[t] = jnp.where(valid, output, 0)
        return jnp.stack(outputs), carry

    expected = jax.grad(slow, argnums=(0, 1))(params, x)
    result = jax.grad(fast, argnums=(0, 1))(params, x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), result, expected)


def test_gradient_by_the_first_carry(x):
    """Fails if the gradient does not reach the initial carry, such as a decoder's initial state."""
    cell = random_cell("lstm", INPUTS, HIDDEN)
    carry = tuple(jnp.full((len(LENGTHS), HIDDEN), 0.1) for _ in range(2))

    def last_output(carry):
        return unroll(cell, x, jnp.asarray(LENGTHS), carry)[0].sum()

    result = jax.grad(last_output)(carry)
    for index in range(2):
        nudged = list(carry)
        nudged[index] = carry[index].at[0, 2].add(1e-2)
        lower = list(carry)
        lower[index] = carry[index].at[0, 2].add(-1e-2)
        slope = (last_output(tuple(nudged)) - last_output(tuple(lower))) / 2e-2
        np.testing.assert_allclose(result[index][0, 2], slope, rtol=2e-2, atol=1e-4)
        assert not result[index][3].any(), "an empty row passes its carry on, but outputs nothing"


def test_bfloat16_kernels_stay_close(x):
    """Fails if sums are accumulated in bfloat16, where errors grow with the length."""
    cell = random_cell("lstm", INPUTS, HIDDEN)
    exact, _ = unroll(cell, x, jnp.asarray(LENGTHS))
    graph, params = nnx.split(cell)
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), params)
    result, _ = unroll(nnx.merge(graph, half), x, jnp.asarray(LENGTHS))
    assert result.dtype == jnp.float32
    np.testing.assert_allclose(result, exact, atol=0.03)
