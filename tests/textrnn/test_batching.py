"""Limits, shapes and plans of batches, and ragged arrays."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.batching import Limits, Shape, pad, plan, ragged_array, ragged_ids
from textrnn.errors import UserError

SHAPES = Limits(length=64, rows=8, tokens=1024).shapes()
FEW = [Shape(1, 4), Shape(3, 16), Shape(2, 64)]
lengths_of_rows = st.lists(st.integers(0, 64), max_size=200)


@given(lengths_of_rows, st.sampled_from([SHAPES, FEW]))
def test_plan_is_a_partition_into_allowed_shapes(lengths, shapes):
    """Fails if an index is lost or duplicated, or a batch exceeds its shape."""
    groups = plan(lengths, shapes)
    seen = sorted(int(i) for group in groups for i in group.indices)
    assert seen == list(range(len(lengths)))
    for group in groups:
        assert group.shape in shapes
        assert 0 < len(group.indices) <= group.shape.rows
        assert sum(lengths[i] for i in group.indices) <= group.shape.tokens


@given(lengths_of_rows, st.sampled_from([SHAPES, FEW]))
def test_a_group_runs_in_the_smallest_shape(lengths, shapes):
    """Fails if a batch allocates and clears more padding than it has to."""
    for group in plan(lengths, shapes):
        tokens = sum(lengths[i] for i in group.indices)
        fits = [s for s in shapes if s.rows >= len(group.indices) and s.tokens >= tokens]
        assert group.shape.tokens == min(shape.tokens for shape in fits)


@given(lengths_of_rows)
def test_batches_are_full(lengths):
    """Fails if a batch ends while the next longest row still fits into the largest shape."""
    largest = max(SHAPES, key=lambda shape: shape.tokens)
    groups = plan(lengths, SHAPES)
    for group, following in pairwise(groups):
        tokens = [lengths[i] for i in group.indices]
        assert tokens == sorted(tokens, reverse=True)
        after = lengths[following.indices[0]]
        assert tokens[-1] >= after
        assert len(tokens) == largest.rows or sum(tokens) + after > largest.tokens


SOME_WIDE = [Shape(1, 4), Shape(2, 16, 5), Shape(1, 64, 5)]


@given(st.lists(st.tuples(st.integers(0, 64), st.integers(1, 5)), max_size=100))
def test_rows_run_in_the_width_that_they_need(rows):
    """Fails if a row runs in a narrower shape, or in a wider one than it needs."""
    lengths, widths = [length for length, _ in rows], [width for _, width in rows]
    groups = plan(lengths, SOME_WIDE, widths)
    assert sorted(int(i) for group in groups for i in group.indices) == list(range(len(rows)))
    for group in groups:
        assert group.shape in SOME_WIDE
        assert len(group.indices) <= group.shape.rows
        assert sum(lengths[i] for i in group.indices) <= group.shape.tokens
        for i in group.indices:
            assert widths[i] <= group.shape.width
            narrow = widths[i] == 1 and lengths[i] <= 4
            assert group.shape.width == (1 if narrow else 5)


def test_long_rows_are_taken_first():
    """The example in the docstring."""
    small, large = Shape(1, 4), Shape(4, 16)
    first, second = plan([5, 8, 2, 7, 3], [large, small])
    assert (first.indices.tolist(), first.shape) == ([1, 3], large)
    assert (second.indices.tolist(), second.shape) == ([0, 4, 2], large)
    (alone,) = plan([4], [large, small])
    assert alone.shape == small


def test_a_row_that_fits_no_shape_is_an_error():
    with pytest.raises(ValueError, match="65 tokens and width 1 fits no shape"):
        plan([3, 65], FEW)
    with pytest.raises(ValueError, match="3 tokens and width 6 fits no shape"):
        plan([3], SOME_WIDE, [6])


@given(st.integers(1, 9000), st.integers(1, 300), st.integers(1, 9000), st.integers(1, 16))
def test_shapes_keep_the_limits(length, rows, tokens, width):
    """Fails if there are many shapes to compile, or a row of the longest length fits none."""
    if length > tokens:
        return
    shapes = Limits(length=length, rows=rows, tokens=tokens, width=width).shapes()
    assert 1 <= len(shapes) <= 2
    assert shapes == sorted(set(shapes), key=lambda shape: (shape.tokens, shape.rows))
    assert all(shape.rows <= rows and shape.tokens <= tokens for shape in shapes)
    assert all(shape.width == width for shape in shapes)
    assert shapes[-1].rows == rows
    assert shapes[-1].tokens == min(tokens, rows * length) >= length


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"length": 64, "tokens": 32}, "length 64 does not fit into 32 tokens"),
        ({"rows": 0}, "rows"),
        ({"width": 0}, "width"),
        ({"lengths": [4]}, "unknown key 'lengths'; did you mean 'length'"),
    ],
)
def test_impossible_limits_are_refused(limits, reason):
    with pytest.raises(UserError, match=reason):
        Limits.parse(limits, source="limits")


def test_ragged_arrays_keep_their_rows_in_order():
    """Fails if a row is cut, moved or given another length."""
    rows = [np.array([5, 6, 7]), np.array([], np.int32), np.array([8])]
    batch = ragged_ids(rows, Shape(5, 6))
    assert batch["ids"].tolist() == [5, 6, 7, 8, 0, 0]
    assert batch["lengths"].tolist() == [3, 0, 1, 0, 0]
    inner = [np.array([[1, 2]]), np.array([[3, 4], [5, 6]])]
    assert ragged_array(inner, 4, (2,)).tolist() == [[1, 2], [3, 4], [5, 6], [0, 0]]
    assert ragged_array([], 2, (2,)).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(ValueError, match="could not broadcast"):
        ragged_array(rows, 3)


def test_pad_keeps_rows_and_fills_the_rest():
    rows = [np.array([5, 6, 7]), np.array([8])]
    np.testing.assert_array_equal(pad(rows, 3, 4), [[5, 6, 7, 0], [8, 0, 0, 0], [0, 0, 0, 0]])
