import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.batching import Buckets, Shape, pad, plan
from textrnn.errors import UserError

GRID = Buckets(lengths=(4, 16, 64), rows=8, tokens=128)
ONE_OF_EACH = [Shape(1, 4), Shape(2, 16), Shape(1, 64)]


@given(st.lists(st.integers(0, 64), max_size=200), st.sampled_from([GRID.shapes(), ONE_OF_EACH]))
def test_plan_is_a_partition_into_allowed_shapes(lengths, shapes):
    """Fails if an index is lost or duplicated, a row is cut, or a shape is outside of the grid."""
    groups = plan(lengths, shapes)
    seen = sorted(int(i) for group in groups for i in group.indices)
    assert seen == list(range(len(lengths)))
    for group in groups:
        assert group.shape in shapes
        assert 0 < len(group.indices) <= group.shape.rows
        assert max(lengths[i] for i in group.indices) <= group.shape.length


WIDE = Buckets(lengths=(4, 16, 64), rows=8, tokens=320, widths=(1, 5))
SOME_WIDE = [Shape(1, 4), Shape(2, 16, 5), Shape(1, 64, 5)]


@given(
    st.lists(st.tuples(st.integers(0, 64), st.integers(1, 5)), max_size=100),
    st.sampled_from([WIDE.shapes(), SOME_WIDE]),
)
def test_rows_run_in_the_width_that_they_need(rows, shapes):
    """Fails if a row runs in a narrower shape, or in a wider one than it needs."""
    lengths, widths = [length for length, _ in rows], [width for _, width in rows]
    groups = plan(lengths, shapes, widths)
    assert sorted(int(i) for group in groups for i in group.indices) == list(range(len(rows)))
    for group in groups:
        assert group.shape in shapes
        assert len(group.indices) <= group.shape.rows
        for i in group.indices:
            assert lengths[i] <= group.shape.length
            assert widths[i] <= group.shape.width
            narrow = [s for s in shapes if s.width == 1 and s.length >= lengths[i]]
            assert group.shape.width == (1 if widths[i] == 1 and narrow else 5)


@given(st.lists(st.integers(1, 64), min_size=1, max_size=300))
def test_padding_stays_bounded(lengths):
    """Fails if the plan adds needless padding: at most 4x by the steps of the grid (a length just
    above one of the grid, a count just above a power of two), plus a batch or two."""
    groups = plan(lengths, GRID.shapes())
    padded = sum(group.shape.rows * group.shape.length for group in groups)
    grid = np.array(GRID.lengths)
    cost = sum(int(grid[np.searchsorted(grid, length)]) for length in lengths)
    assert padded <= 4 / 3 * cost + 2 * GRID.tokens


def test_spare_slots_go_to_shorter_rows():
    """The example in the docstring. Fails if a batch has empty slots that other rows could fill."""
    shapes = [Shape(rows, length) for rows in (1, 2, 4) for length in (4, 8)]
    first, second = plan([5, 8, 2, 7, 3], shapes)
    assert (first.indices.tolist(), first.shape) == ([1, 3, 0, 4], Shape(4, 8))
    assert (second.indices.tolist(), second.shape) == ([2], Shape(1, 4))


def test_grid_keeps_the_budget():
    shapes = GRID.shapes()
    assert {shape.length for shape in shapes} == {4, 16, 64}
    assert all(shape.rows * shape.length <= 128 for shape in shapes)
    assert Shape(8, 16) in shapes
    assert Shape(4, 64) not in shapes


def test_a_row_that_fits_no_shape_is_an_error():
    with pytest.raises(ValueError, match="65 tokens and width 1 fits no shape"):
        plan([3, 65], GRID.shapes())


@pytest.mark.parametrize(
    ("grid", "reason"),
    [
        ({"lengths": (16, 4)}, "must increase"),
        ({"lengths": ()}, "must increase"),
        ({"rows": 12}, "power of two"),
        ({"lengths": (64,), "tokens": 32}, "does not fit"),
    ],
)
def test_impossible_grids_are_refused(grid, reason):
    with pytest.raises(UserError, match=reason):
        Buckets.parse(grid, source="grid")


def test_pad_keeps_rows_and_fills_the_rest():
    rows = [np.array([5, 6, 7]), np.array([8])]
    np.testing.assert_array_equal(
        pad(rows, Shape(3, 4), value=9), [[5, 6, 7, 9], [8, 9, 9, 9], [9, 9, 9, 9]]
    )
