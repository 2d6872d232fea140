"""Linear layers on the CPU: with kernels that are packed once, and products in bfloat16."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from textrnn import native
from textrnn.native.panels import Panels


def linear(
    x: Float[Array, "rows inputs"],
    kernel: Panels,
    bias: Float[Array, " outputs"],
    count: Int[Array, ""] | None = None,
) -> Float[Array, "rows outputs"]:
    """x @ kernel + bias for the first `count` rows, or all. The other rows are not read; their
    results are zero.

    Running the result raises an error if `count` is negative or more than the rows.
    """
    rows = jnp.asarray(x.shape[0] if count is None else count, jnp.int32)
    result = jax.ShapeDtypeStruct((x.shape[0], bias.shape[0]), jnp.float32)
    call = jax.ffi.ffi_call(native.call_target("textrnn_linear"), result)
    return call(rows, x, bias, *kernel.arrays(), form=kernel.form)


def bfloat16_product(
    x: Float[Array, "rows inputs"], matrix: Float[Array, "inputs outputs"]
) -> Float[Array, "rows outputs"]:
    """x @ matrix of float32: the operands are rounded to bfloat16, the sums are in float32.

    Running the result raises an error unless `native.multiplies_bfloat16()`.
    """
    result = jax.ShapeDtypeStruct((x.shape[0], matrix.shape[1]), jnp.float32)
    return jax.ffi.ffi_call(native.call_target("textrnn_bfloat16_product"), result)(x, matrix)
