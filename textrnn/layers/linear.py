"""Matrix products that accumulate in float32, for weights of any dtype."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from textrnn import native
from textrnn.native.linear import bfloat16_product, linear
from textrnn.native.panels import pack_matrix
from textrnn.parameters import initial
from textrnn.platform import uses_native


@jax.custom_vjp
def matmul(
    x: Float[Array, "*batch inputs"], w: Float[Array, "inputs outputs"]
) -> Float[Array, "*batch outputs"]:
    """x @ w with both operands in the dtype of `w` and the result in float32.

    The products of the gradient use the dtype of `w` as well. (Plain autodiff would multiply a
    float32 cotangent by a bfloat16 operand, which runs at float32 speed.)
    """
    return jnp.matmul(x.astype(w.dtype), w, preferred_element_type=jnp.float32)


def _forward(x, w):
    return matmul(x, w), (x, w)


def _backward(saved, d_out):
    x, w = saved
    return matmul_transposed(d_out, w).astype(x.dtype), weight_gradient(x, d_out, w.dtype)


matmul.defvjp(_forward, _backward)


@jax.custom_vjp
def matmul_transposed(
    x: Float[Array, "*batch inputs"], w: Float[Array, "outputs inputs"]
) -> Float[Array, "*batch outputs"]:
    """`matmul(x, w.T)`, for which XLA takes twice as long on CPUs if w is bfloat16."""
    contracted = (((x.ndim - 1,), (w.ndim - 1,)), ((), ()))
    return jax.lax.dot_general(x.astype(w.dtype), w, contracted, preferred_element_type=jnp.float32)


def _transposed_forward(x, w):
    return matmul_transposed(x, w), (x, w)


def _transposed_backward(saved, d_out):
    x, w = saved
    return matmul(d_out, w).astype(x.dtype), weight_gradient(d_out, x, w.dtype)


matmul_transposed.defvjp(_transposed_forward, _transposed_backward)


def weight_gradient(
    x: Float[Array, "*batch inputs"], d_out: Float[Array, "*batch outputs"], dtype: jnp.dtype
) -> Float[Array, "inputs outputs"]:
    """The gradient of x @ w by w: one product over all leading axes, operands in `dtype`."""
    rows, d_rows = x.reshape(-1, x.shape[-1]), d_out.reshape(-1, d_out.shape[-1])
    if dtype == jnp.bfloat16 and uses_native() and native.multiplies_bfloat16():
        # On CPUs, XLA multiplies bfloat16 as fast as the kernel, but not a transposed matrix.
        total = bfloat16_product(rows.astype(jnp.float32).T, d_rows.astype(jnp.float32))
    else:
        total = jax.lax.dot_general(
            rows.astype(dtype),
            d_rows.astype(dtype),
            (((0,), (0,)), ((), ())),
            preferred_element_type=jnp.float32,
        )
    return total.astype(dtype)


class Linear(nnx.Module):
    """x @ kernel + bias."""

    def __init__(self, inputs: int, outputs: int, *, rngs: nnx.Rngs):
        lecun = nnx.initializers.lecun_normal()
        self.kernel = nnx.Param(initial(lecun, rngs, (inputs, outputs)))
        self.bias = nnx.Param(jnp.zeros(outputs))
        self.packed: nnx.Param | None = nnx.data(None)

    def __call__(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        if self.packed is not None:
            rows = x.reshape(-1, x.shape[-1])
            return linear(rows, self.packed.get_value(), self.bias[...]).reshape(*x.shape[:-1], -1)
        return matmul(x, self.kernel[...]) + self.bias[...]

    def first(
        self, x: Float[Array, "rows inputs"], count: Int[Array, ""]
    ) -> Float[Array, "rows outputs"]:
        """The same for the first `count` rows. The results of others are meaningless."""
        if self.packed is not None:
            return linear(x, self.packed.get_value(), self.bias[...], count)
        return self(x)

    def pack(self) -> None:
        """Bring the weights into the order of the native kernel. Only calls of the layer are
        possible afterwards."""
        self.packed = nnx.Param(pack_matrix(self.kernel[...]))
        del self.kernel
