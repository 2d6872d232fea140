import jax
import jax.numpy as jnp
import numpy as np
import pytest

from textrnn import native
from textrnn.native.linear import linear
from textrnn.native.panels import pack_matrix

if not native.available():
    pytest.skip("the native library is not built", allow_module_level=True)

FAILURE = (ValueError, jax.errors.JaxRuntimeError)
"""What JAX raises for a failed call: the first at once, the second when the result is awaited."""


def arrays(rows, inputs, outputs, stored_in_int8=False):
    random = np.random.default_rng(rows + inputs + outputs)
    x = random.normal(size=(rows, inputs)).astype("f")
    kernel = (random.normal(size=(inputs, outputs)) * inputs**-0.5).astype("f")
    if stored_in_int8:
        scale = (np.abs(kernel).max(axis=0, initial=1e-3) / 127).astype("f")
        kernel = np.round(kernel / scale).astype("f") * scale
    return x, kernel, random.normal(size=outputs).astype("f")


@pytest.mark.parametrize("stored_in_int8", [False, True])
@pytest.mark.parametrize("outputs", [1, 16, 65, 1000])
@pytest.mark.parametrize("inputs", [1, 7, 66, 320])
@pytest.mark.parametrize("rows", [0, 1, 3, 50, 200])
def test_equals_numpy(rows, inputs, outputs, stored_in_int8):
    """Fails if a row or column is lost where the work is divided, or bytes are out of order."""
    x, kernel, bias = arrays(rows, inputs, outputs, stored_in_int8)
    found = linear(jnp.asarray(x), pack_matrix(kernel), jnp.asarray(bias))
    right = x.astype(float) @ kernel.astype(float) + bias
    np.testing.assert_allclose(found, right, atol=1e-5)


@pytest.mark.parametrize("count", [0, 2, 5])
def test_rows_past_the_count_are_not_read(count):
    """Fails if padding, here NaN, is multiplied or its results are not cleared."""
    x, kernel, bias = arrays(5, 20, 30)
    x[count:] = np.nan
    found = np.asarray(
        linear(jnp.asarray(x), pack_matrix(kernel), jnp.asarray(bias), jnp.int32(count))
    )
    np.testing.assert_allclose(found[:count], x[:count] @ kernel + bias, atol=1e-5)
    assert not found[count:].any()


@pytest.mark.parametrize("count", [-1, 6])
def test_a_count_out_of_bounds_is_an_error(count):
    """Fails if the kernel trusts the count."""
    x, kernel, bias = arrays(5, 20, 30)
    with pytest.raises(FAILURE, match=f"there are 5 rows, not {count}"):
        linear(
            jnp.asarray(x), pack_matrix(kernel), jnp.asarray(bias), jnp.int32(count)
        ).block_until_ready()
