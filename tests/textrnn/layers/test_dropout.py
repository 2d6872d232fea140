import jax
import jax.numpy as jnp
import numpy as np
import pytest

from support.ragged import to_ragged, to_rows
from textrnn.layers.dropout import dropout, variational_dropout


@pytest.mark.parametrize("shared_axes", [(), (0,), (1,)])
def test_entries_along_shared_axes_are_dropped_together(shared_axes):
    """Fails if a mask is shared along the wrong axis, or kept entries are not scaled up."""
    x = dropout(jnp.ones((40, 50)), 0.5, jax.random.key(0), shared_axes)
    np.testing.assert_array_equal(np.unique(x), [0, 2])
    for axis in (0, 1):
        constant = bool((x == x.max(axis=axis, keepdims=True)).all())
        assert constant == (axis in shared_axes)


def test_variational_dropout_has_one_mask_for_a_row():
    """Fails if the mask is drawn for each token, is shared by rows, or kept entries are not scaled
    up."""
    x, lengths = to_ragged([np.ones((length, 50)) for length in (4, 1, 0, 3)])
    rows = to_rows(variational_dropout(x, lengths, 0.5, jax.random.key(0)), lengths)
    for row in rows:
        assert (row == row[:1]).all()
    masks = [row[0] for row in rows if len(row)]
    np.testing.assert_array_equal(np.unique(masks), [0, 2])
    assert all(10 < mask.sum() / 2 < 40 for mask in masks)
    assert len(np.unique(masks, axis=0)) == 3


def test_no_dropout_returns_its_input():
    x, lengths = to_ragged([np.ones((2, 3))])
    assert variational_dropout(x, lengths, 0.0, jax.random.key(0)) is x
