"""Cells over the tokens of each row, compared with one row and one step at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from support import reference
from support.cells import numpy_params, random_cell
from support.ragged import to_ragged, to_rows
from textrnn import native
from textrnn.layers.cells import CELLS
from textrnn.layers.unroll import unroll, unroll_both
from textrnn.platform import tracing_for

INPUTS, HIDDEN = 3, 5
LENGTHS = [0, 7, 1, 0, 4, 0]
RANDOM = np.random.default_rng(0)
ROWS = [RANDOM.normal(size=(length, INPUTS)).astype("f") for length in LENGTHS]


@pytest.fixture(params=["native", "xla"], autouse=True)
def engine(request):
    """Each test runs the native kernels, and the loop of XLA that other platforms run."""
    if request.param == "native":
        if not native.available():
            pytest.skip("the native library was not built")
        yield
    else:
        with tracing_for("tpu"):
            yield


def batch(rows=ROWS):
    x, lengths = to_ragged(rows)
    return x, jnp.asarray(lengths)


def random_carry(cell):
    shape = (len(LENGTHS), HIDDEN)
    return tuple(jnp.asarray(RANDOM.normal(size=shape), "f") for _ in range(cell.carries))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_equals_the_reference_row_by_row(kind, reverse):
    """Fails if padding or another row changes the carry, a row starts in its neighbour, or an empty
    row loses its carry."""
    cell = random_cell(kind, INPUTS, HIDDEN)
    first, (x, lengths) = random_carry(cell), batch()
    outputs, carry = unroll(cell, x, lengths, first, reverse=reverse)
    for index, (row, output) in enumerate(zip(ROWS, to_rows(outputs, lengths), strict=True)):
        before = tuple(np.asarray(part[index], np.float64) for part in first)
        expected, expected_carry = reference.unroll(
            kind, numpy_params(cell), row, len(row), reverse, before
        )
        np.testing.assert_allclose(output, expected, atol=1e-5)
        for a, b in zip(carry, expected_carry, strict=True):
            np.testing.assert_allclose(a[index], b, atol=1e-5)
    assert not outputs[sum(LENGTHS) :].any()


@pytest.mark.parametrize("kind", CELLS)
def test_continues_from_a_carry(kind):
    """Rows of unequal length, each cut in the middle. Fails if the initial carry is ignored, or the
    last carry is not that of the row's last step."""
    cell = random_cell(kind, INPUTS, HIDDEN)
    whole, last = unroll(cell, *batch())
    (x, lengths), (y, more) = (
        batch([row[: len(row) // 2] for row in ROWS]),
        batch([row[len(row) // 2 :] for row in ROWS]),
    )
    first, carry = unroll(cell, x, lengths)
    second, after = unroll(cell, y, more, carry)
    for one, two, row in zip(
        to_rows(first, lengths), to_rows(second, more), to_rows(whole, LENGTHS), strict=True
    ):
        np.testing.assert_allclose(np.concatenate([one, two]), row, atol=1e-6)
    for a, b in zip(after, last, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_batch_of_empty_rows_passes_its_carry_on(reverse):
    """Exactly. Fails if the loop runs a step, or needs a longest row."""
    cell = random_cell("lstm", INPUTS, HIDDEN)
    carry = random_carry(cell)
    lengths = jnp.zeros(len(LENGTHS), jnp.int32)
    outputs, last = unroll(cell, jnp.full((4, INPUTS), 7.0), lengths, carry, reverse=reverse)
    assert not outputs.any()
    for a, b in zip(last, carry, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", CELLS)
def test_gradients_equal_autodiff_through_single_steps(kind):
    """By input, every parameter and the carries of both directions. Fails on any error in the
    custom gradient, padding and empty rows included."""
    forward, backward = random_cell(kind, INPUTS, HIDDEN, 1), random_cell(kind, INPUTS, HIDDEN, 2)
    graphs, params = zip(nnx.split(forward), nnx.split(backward), strict=True)
    x, lengths = batch()
    weights = np.random.default_rng(3).normal(size=(len(x), 2 * HIDDEN))

    def total(results):
        outputs, carries = results
        return (outputs * weights).sum() + sum((c**3).sum() for carry in carries for c in carry)

    def fast(params, x):
        cells = [nnx.merge(g, p) for g, p in zip(graphs, params, strict=True)]  # type: ignore
        return total(unroll_both(cells[0], cells[1], x, x * 0.5, lengths))

    def slow(params, x):
        cells = [nnx.merge(g, p) for g, p in zip(graphs, params, strict=True)]  # type: ignore
        one, two = stepwise(cells[0], x, False), stepwise(cells[1], x * 0.5, True)
        return total((jnp.concatenate([one[0], two[0]], axis=-1), (one[1], two[1])))

    def stepwise(cell, x, reverse):
        outputs = [jnp.zeros(HIDDEN)] * len(x)
        carries = []
        for start, length in zip(np.cumsum(LENGTHS) - LENGTHS, LENGTHS, strict=True):
            carry = cell.carry(1)
            for t in sorted(range(start, start + length), reverse=reverse):
                carry, output = cell.step(carry, cell.project(x[t][None]))
                outputs[t] = output[0]
            carries.append(carry)
        carry = tuple(jnp.concatenate(parts) for parts in zip(*carries, strict=True))
        return jnp.stack(outputs), carry

    expected = jax.grad(slow, argnums=(0, 1))(params, x)
    result = jax.grad(fast, argnums=(0, 1))(params, x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), result, expected)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_gradient_by_the_first_carry(kind, reverse):
    """Fails if the gradient does not reach the initial carry, such as a decoder's initial state."""
    cell = random_cell(kind, INPUTS, HIDDEN)
    carry, (x, lengths) = random_carry(cell), batch()

    @jax.jit
    def total(carry):
        return unroll(cell, x, lengths, carry, reverse=reverse)[0].sum()

    result = jax.grad(total)(carry)
    for index in range(len(carry)):
        nudged = list(carry)
        nudged[index] = carry[index].at[1, 2].add(1e-2)
        lower = list(carry)
        lower[index] = carry[index].at[1, 2].add(-1e-2)
        slope = (total(tuple(nudged)) - total(tuple(lower))) / 2e-2
        np.testing.assert_allclose(result[index][1, 2], slope, rtol=2e-2, atol=1e-4)
        empty = np.array(LENGTHS) == 0
        assert not result[index][empty].any(), "an empty row passes its carry on, without output"


def test_bfloat16_kernels_stay_close():
    """Fails if sums are accumulated in bfloat16, where errors grow with the length."""
    cell = random_cell("lstm", INPUTS, HIDDEN)
    exact, _ = unroll(cell, *batch())
    graph, params = nnx.split(cell)
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), params)
    result, _ = unroll(nnx.merge(graph, half), *batch())
    assert result.dtype == jnp.float32
    np.testing.assert_allclose(result, exact, atol=0.03)
