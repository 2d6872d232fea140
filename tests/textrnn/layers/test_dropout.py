import jax
import jax.numpy as jnp
import numpy as np
import pytest

from textrnn.layers.dropout import dropout


@pytest.mark.parametrize("shared_axes", [(), (0,), (1,)])
def test_entries_along_shared_axes_are_dropped_together(shared_axes):
    """Fails if a mask is shared along the wrong axis, or kept entries are not scaled up."""
    x = dropout(jnp.ones((40, 50)), 0.5, jax.random.key(0), shared_axes)
    np.testing.assert_array_equal(np.unique(x), [0, 2])
    for axis in (0, 1):
        constant = bool((x == x.max(axis=axis, keepdims=True)).all())
        assert constant == (axis in shared_axes)
