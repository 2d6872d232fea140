"""The native kernels of `textrnn.layers.ragged`, which defines what they compute.

A call fails if a length is negative, the rows have more tokens than there are, or an id is not in
the table.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from textrnn.native import call_target


def native_sum_rows(
    x: Float[Array, "tokens features"], lengths: Int[Array, " rows"]
) -> Float[Array, "rows features"]:
    """The sum over the tokens of each row."""
    call = jax.ffi.ffi_call(call_target("textrnn_sum_rows"), _rows(x, lengths))
    return call(lengths.astype(jnp.int32), x)


def native_max_rows(
    x: Float[Array, "tokens features"], lengths: Int[Array, " rows"], empty: float
) -> Float[Array, "rows features"]:
    """The maximum over the tokens of each row, and `empty` for a row without any."""
    call = jax.ffi.ffi_call(call_target("textrnn_max_rows"), _rows(x, lengths))
    return call(lengths.astype(jnp.int32), x, empty=np.float32(empty))


def native_take(
    table: Float[Array, "ids features"], ids: Int[Array, " tokens"], lengths: Int[Array, " rows"]
) -> Float[Array, "tokens features"]:
    """The entry of the table for each token, and zeros for padding."""
    vectors = jax.ShapeDtypeStruct((len(ids), table.shape[1]), jnp.float32)
    call = jax.ffi.ffi_call(call_target("textrnn_take"), vectors)
    return call(lengths.astype(jnp.int32), table, ids.astype(jnp.int32))


def _rows(x: Array, lengths: Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((len(lengths), x.shape[1]), jnp.float32)
