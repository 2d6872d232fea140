"""Cells over the tokens of each row, compared with one row and one step at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

from support.cells import NATIVE, each_cell, numpy_params, of_row, random_cell, visited_carry
from support.ragged import to_ragged, to_rows
from support.reference_cells import unroll as reference_unroll
from textrnn import native
from textrnn.layers.unroll import unroll, unroll_both
from textrnn.platform import tracing_for

INPUTS, HIDDEN = 3, 6
LENGTHS = [0, 7, 1, 0, 4, 0]
RANDOM = np.random.default_rng(0)
ROWS = [RANDOM.normal(size=(length, INPUTS)).astype("f") for length in LENGTHS]
# Each test runs the native kernels, and what other platforms run, of which all cells have one.
ENGINES = [*((kind, "native") for kind in NATIVE), *each_cell(lambda kind: (kind, "xla"))]
EACH = pytest.mark.parametrize(("kind", "engine"), ENGINES, indirect=["engine"])
LSTM = pytest.mark.parametrize("engine", ["native", "xla"], indirect=True)


@pytest.fixture
def engine(request):
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


def close(found, expected, atol):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


@pytest.mark.parametrize("reverse", [False, True])
@EACH
def test_equals_the_reference_row_by_row(kind, reverse, engine):
    """Fails if padding or another row changes the carry, a row starts in its neighbour, or an empty
    row loses its carry."""
    cell = random_cell(kind, INPUTS, HIDDEN)
    first, (x, lengths) = visited_carry(cell, len(LENGTHS)), batch()
    outputs, carry = jax.jit(lambda *given: unroll(cell, *given, reverse=reverse))(
        x, lengths, first
    )
    for index, (row, output) in enumerate(zip(ROWS, to_rows(outputs, lengths), strict=True)):
        expected, expected_carry = reference_unroll(
            kind, numpy_params(cell), row, of_row(first, index), reverse, cell.options
        )
        np.testing.assert_allclose(output, np.array(expected).reshape(output.shape), atol=1e-5)
        close(of_row(carry, index), expected_carry, atol=1e-5)
    assert not outputs[sum(LENGTHS) :].any()


@EACH
def test_continues_from_a_carry(kind, engine):
    """Rows of unequal length, each cut in the middle. Fails if the initial carry is ignored, or the
    last carry is not that of the row's last step."""
    cell = random_cell(kind, INPUTS, HIDDEN)
    run = jax.jit(lambda *given: unroll(cell, *given))
    begin = cell.carry(len(LENGTHS))
    whole, last = run(*batch(), begin)
    size = sum(LENGTHS)  # of both parts, so that one program runs
    cut = lambda part: batch([row[part(len(row) // 2)] for row in ROWS])  # noqa: E731
    parts, carry = [], begin
    for x, lengths in (cut(lambda half: slice(half)), cut(lambda half: slice(half, None))):
        padded = jnp.pad(x[:size], ((0, max(len(batch()[0]) - len(x), 0)), (0, 0)))
        outputs, carry = run(padded, lengths, carry)
        parts.append(to_rows(outputs, lengths))
    for one, two, row in zip(*parts, to_rows(whole, LENGTHS), strict=True):
        np.testing.assert_allclose(np.concatenate([one, two]), row, atol=1e-6)
    close(carry, last, atol=1e-6)


@pytest.mark.parametrize("reverse", [False, True])
@LSTM
def test_a_batch_of_empty_rows_passes_its_carry_on(reverse, engine):
    """Exactly. Fails if the loop runs a step, or needs a longest row."""
    cell = random_cell("lstm", INPUTS, HIDDEN)
    carry = visited_carry(cell, len(LENGTHS))
    lengths = jnp.zeros(len(LENGTHS), jnp.int32)
    outputs, last = unroll(cell, jnp.full((4, INPUTS), 7.0), lengths, carry, reverse=reverse)
    assert not outputs.any()
    for a, b in zip(last, carry, strict=True):
        np.testing.assert_array_equal(a, b)


@EACH
def test_gradients_equal_autodiff_through_single_steps(kind, engine):
    """By input, every parameter and the first carries of both directions. Fails on any error in the
    custom gradients, padding and empty rows included."""
    cells = random_cell(kind, INPUTS, HIDDEN, 1), random_cell(kind, INPUTS, HIDDEN, 2)
    graphs, params = zip(*(nnx.split(cell) for cell in cells), strict=True)
    carries = tuple(visited_carry(cell, len(LENGTHS), seed) for seed, cell in enumerate(cells))
    x, lengths = batch()
    weights = np.random.default_rng(3).normal(size=(len(x), 2 * HIDDEN))

    def total(results):
        outputs, last = results
        return (outputs * weights).sum() + sum((leaf**3).sum() for leaf in jax.tree.leaves(last))

    def merged(params):
        return [nnx.merge(graph, each) for graph, each in zip(graphs, params, strict=True)]

    def fast(params, x, carries):
        forward, backward = merged(params)
        (one, first), (two, second) = (
            unroll(forward, x, lengths, carries[0]),
            unroll(backward, 0.5 * x, lengths, carries[1], reverse=True),
        )
        return total((jnp.concatenate([one, two], axis=-1), (first, second)))

    def slow(params, x, carries):
        forward, backward = merged(params)
        one, first = stepwise(forward, x, carries[0], False)
        two, second = stepwise(backward, 0.5 * x, carries[1], True)
        return total((jnp.concatenate([one, two], axis=-1), (first, second)))

    expected = jax.jit(jax.grad(slow, argnums=(0, 1, 2)))(params, x, carries)
    result = jax.jit(jax.grad(fast, argnums=(0, 1, 2)))(params, x, carries)
    close(result, expected, atol=5e-5)


def stepwise(cell, x, carry, reverse):
    """What `unroll` computes, by a scan over the steps of padded rows that XLA differentiates."""
    starts, longest = np.cumsum(LENGTHS) - LENGTHS, max(LENGTHS)
    lengths = np.asarray(LENGTHS)

    def step(state, t):
        outputs, carry = state
        running = t < lengths
        place = starts + (lengths - 1 - t if reverse else t)
        place = jnp.where(running, place, len(x))
        inputs = x.at[place].get(mode="fill", fill_value=0)
        new, output = cell.step(carry, cell.project(inputs))
        pick = lambda a, b: jnp.where(running.reshape(-1, *[1] * (a.ndim - 1)), a, b)  # noqa: E731
        outputs = outputs.at[place].set(output, mode="drop")
        return (outputs, jax.tree.map(pick, new, carry)), None

    start = jnp.zeros((len(x), HIDDEN)), carry
    return lax.scan(step, start, jnp.arange(longest))[0]


@EACH
def test_both_directions_equal_each(kind, engine):
    """Outputs and carries. Fails if the directions are confused."""
    cells = random_cell(kind, INPUTS, HIDDEN, 1), random_cell(kind, INPUTS, HIDDEN, 2)
    x, lengths = batch()
    outputs, carries = jax.jit(lambda x: unroll_both(*cells, x, 0.5 * x, lengths))(x)
    one = jax.jit(lambda x: unroll(cells[0], x, lengths))(x)
    two = jax.jit(lambda x: unroll(cells[1], 0.5 * x, lengths, reverse=True))(x)
    close((outputs, carries), (jnp.concatenate([one[0], two[0]], -1), (one[1], two[1])), atol=1e-6)


@LSTM
def test_bfloat16_kernels_stay_close(engine):
    """Fails if sums are accumulated in bfloat16, where errors grow with the length."""
    cell = random_cell("lstm", INPUTS, HIDDEN)
    exact, _ = unroll(cell, *batch())
    graph, params = nnx.split(cell)
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), params)
    result, _ = unroll(nnx.merge(graph, half), *batch())
    assert result.dtype == jnp.float32
    np.testing.assert_allclose(result, exact, atol=0.03)
