"""Operations on ragged batches, compared with loops over lists of rows."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.ragged import to_ragged, to_rows
from textrnn.layers import ragged

ROWS, CAPACITY, FEATURES = 5, 12, 2
every_lengths = st.lists(st.integers(0, CAPACITY), min_size=ROWS, max_size=ROWS).map(
    lambda ends: np.diff(sorted(ends), prepend=0)
)
"""Empty rows anywhere, capacity that is full or not, and batches of empty rows only."""


@cache
def jitted(function, **static):
    return jax.jit(partial(function, **static))


def drawn(lengths, *inner):
    """Rows of random numbers below zero, and the ragged batch, whose padding is greater."""
    random = np.random.default_rng(int(lengths @ 13 ** np.arange(ROWS)))
    rows = [-1 - random.random((length, *inner), dtype=np.float32) for length in lengths]
    return rows, to_ragged(rows, CAPACITY - lengths.sum())[0]


def zeros_at_the_end(tokens, lengths):
    return not np.asarray(tokens)[lengths.sum() :].any()


@given(every_lengths)
def test_indices(lengths):
    """Fails if a token at the edge of a row belongs to its neighbour, or an empty row has one."""
    rows = jitted(ragged.row_ids, tokens=CAPACITY)(lengths)
    expected = [row for row, length in enumerate(lengths) for _ in range(length)]
    count = len(expected)
    assert rows.tolist() == expected + [ROWS] * (CAPACITY - count)
    places = jitted(ragged.positions, tokens=CAPACITY)(lengths)
    assert places[:count].tolist() == [place for length in lengths for place in range(length)]
    real = jitted(ragged.is_token, tokens=CAPACITY)(lengths)
    assert real.tolist() == [True] * count + [False] * (CAPACITY - count)
    starts = jitted(ragged.row_starts)(lengths)
    assert starts.tolist() == [sum(lengths[:row]) for row in range(ROWS)]


@given(every_lengths)
def test_reductions(lengths):
    """Fails if padding or another row is included, or an empty row has another result."""
    rows, x = drawn(lengths, FEATURES)
    total = jitted(ragged.sum_rows)(x, lengths)
    largest = jitted(ragged.max_rows, empty=-50.0)(x, lengths)
    last = jitted(ragged.last_tokens)(x, lengths)
    for index, row in enumerate(rows):
        np.testing.assert_allclose(total[index], row.sum(axis=0), rtol=1e-6)
        np.testing.assert_array_equal(largest[index], row.max(axis=0, initial=-50))
        if len(row):
            np.testing.assert_array_equal(last[index], row[-1])


@given(every_lengths)
def test_values_of_rows_at_their_tokens(lengths):
    """Fails if a token gets the value of another row, or padding gets any."""
    values = jnp.arange(1.0, ROWS + 1)[:, None] * jnp.ones(FEATURES)
    spread = jitted(ragged.spread, tokens=CAPACITY)(values, lengths)
    for value, row in zip(values, to_rows(spread, lengths), strict=True):
        np.testing.assert_array_equal(row, np.broadcast_to(value, row.shape))
    assert zeros_at_the_end(spread, lengths)


@given(every_lengths)
def test_the_token_before_each(lengths):
    """Fails if the first token of a row follows the last one of the row before it."""
    rows, x = drawn(lengths)
    first = jnp.arange(1.0, ROWS + 1)
    shifted = jitted(ragged.token_before)(x, first, lengths)
    for value, row, result in zip(first, rows, to_rows(shifted, lengths), strict=True):
        np.testing.assert_array_equal(result, [value, *row][: len(row)])


@given(every_lengths, st.sampled_from([1, 3, CAPACITY]))
def test_grids(lengths, longest):
    """Fails if a row is cut at the wrong end, padding is not zero, or `from_grid` does not return
    what `to_grid` was given."""
    rows, x = drawn(lengths, FEATURES)
    grid = jitted(ragged.to_grid, length=longest)(x, lengths)
    assert grid.shape == (ROWS, longest, FEATURES)
    for padded, row in zip(grid, rows, strict=True):
        kept = row[:longest]
        np.testing.assert_array_equal(padded[: len(kept)], kept)
        assert not padded[len(kept) :].any()
    if longest == CAPACITY:
        back = jitted(ragged.from_grid, tokens=CAPACITY)(grid + 7, lengths)
        np.testing.assert_array_equal(back[: lengths.sum()], x[: lengths.sum()] + 7)
        assert zeros_at_the_end(back, lengths)


WEIGHTS = np.arange(1.0, ROWS + 1)


def weighted(x, lengths):
    reduced = ragged.sum_rows(x, lengths) + 10 * ragged.max_rows(x, lengths, -50.0)
    return WEIGHTS @ reduced.sum(axis=1)


gradient_of_weighted = jax.jit(jax.grad(weighted))


@given(every_lengths)
def test_gradients_stay_in_their_row(lengths):
    """Fails if an empty row makes a gradient infinite, or padding has one."""
    rows, x = drawn(lengths, FEATURES)
    gradient = gradient_of_weighted(x, lengths)
    for weight, row, result in zip(WEIGHTS, rows, to_rows(gradient, lengths), strict=True):
        if len(row):
            np.testing.assert_allclose(result, weight * (1 + 10 * (row == row.max(axis=0))))
    assert zeros_at_the_end(gradient, lengths)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_batch_without_rows_or_tokens(rows):
    """Fails if the smallest batches need a case of their own."""
    lengths, x = jnp.zeros(rows, jnp.int32), jnp.full((1, FEATURES), 7.0)
    assert ragged.row_ids(lengths, 1).tolist() == [rows]
    assert not ragged.sum_rows(x, lengths).any()
    assert (ragged.max_rows(x, lengths, -1.0) == -1).all()
    assert not ragged.to_grid(x, lengths, 2).any()
