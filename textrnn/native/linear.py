"""A linear layer on the CPU, for kernels that are packed once."""

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
