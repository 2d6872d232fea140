import jax
import jax.numpy as jnp
import numpy as np
import pytest

from textrnn import native
from textrnn.native.linear import bfloat16_product, linear
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


@pytest.mark.skipif(
    not native.multiplies_bfloat16(), reason="this processor does not multiply bfloat16"
)
@pytest.mark.parametrize("outputs", [1, 65])
@pytest.mark.parametrize("inputs", [1, 2, 33, 320])
@pytest.mark.parametrize("rows", [0, 1, 50, 200])
def test_products_in_bfloat16(rows, inputs, outputs):
    """Fails if an operand is not rounded to the nearest bfloat16, the last of an odd number of
    inputs is lost, or sums are rounded."""
    x, matrix = map(jnp.asarray, arrays(rows, inputs, outputs)[:2])
    rounded = [np.asarray(each.astype(jnp.bfloat16), float) for each in (x, matrix)]
    np.testing.assert_allclose(bfloat16_product(x, matrix), rounded[0] @ rounded[1], atol=1e-5)


@pytest.mark.skipif(
    not native.multiplies_bfloat16(), reason="this processor does not multiply bfloat16"
)
def test_products_in_bfloat16_keep_infinity_and_nan():
    """Fails if rounding turns a value that is not a number into one."""
    special = jnp.array([[np.inf], [-np.inf], [np.nan], [3.4e38]])
    right = np.array([[np.inf], [-np.inf], [np.nan], [np.inf]])
    one = jnp.ones((1, 1))
    np.testing.assert_array_equal(bfloat16_product(special, one), right)
    np.testing.assert_array_equal(bfloat16_product(one, special.T), right.T)
    payload = jnp.array([[0x7FFFFFFF]], jnp.uint32).view(jnp.float32)
    assert np.isnan(bfloat16_product(one, payload)).all()


@pytest.mark.skipif(native.multiplies_bfloat16(), reason="this processor multiplies bfloat16")
def test_without_an_instruction_there_is_no_product_in_bfloat16():
    """Fails if a processor executes instructions that it does not have."""
    with pytest.raises(FAILURE, match="no kernel multiplies bfloat16"):
        bfloat16_product(jnp.ones((1, 1)), jnp.ones((1, 1))).block_until_ready()
