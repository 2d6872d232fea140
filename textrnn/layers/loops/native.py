"""The loop of native kernels, on CPUs."""

from functools import partial

import jax
from jaxtyping import Array, Float

from textrnn.layers.linear import matmul_transposed, weight_gradient
from textrnn.native import recurrent


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def native_loop(kernel, reverse, weights, x, carries, lengths):
    """The outputs of all directions and their last carries; the arguments are those of
    `native_unroll`, each a tuple with an entry for each direction."""
    return recurrent.native_unroll(kernel, weights, x, carries, lengths, reverse)


def _native_forward(kernel, reverse, weights, x, carries, lengths):
    outputs, last, saved = recurrent.native_unroll_saving(
        kernel, weights, x, carries, lengths, reverse
    )
    return (outputs, last), (weights, x, carries, lengths, outputs, saved)


def _native_backward(kernel, reverse, residuals, d_results):
    """The kernel goes backward through time; the products over all tokens follow."""
    weights, x, carries, lengths, outputs, saved = residuals
    packed = isinstance(weights[0], recurrent.Packed)
    if packed:
        weights = tuple(
            recurrent.unpack_weights(kernel, each, inputs.shape[1])
            for each, inputs in zip(weights, x, strict=True)
        )
    kernels = tuple(each.recurrent_kernel for each in weights)
    d_outputs, d_last = d_results
    gradients = recurrent.native_unroll_backward(
        kernel, kernels, saved, outputs, carries, lengths, d_outputs, d_last, reverse
    )
    # Packed weights are not trained.
    d_weights = None if packed else tuple(map(_weight_gradients, weights, x, gradients))
    d_x = tuple(
        matmul_transposed(gradient.d_projected, each.input_kernel)
        for each, gradient in zip(weights, gradients, strict=True)
    )
    return d_weights, d_x, tuple(gradient.d_carry for gradient in gradients), None


def _weight_gradients(
    weights: recurrent.Weights, x: Float[Array, "tokens inputs"], gradient: recurrent.Gradients
) -> recurrent.Weights:
    dtype, recurrent_bias = weights.input_kernel.dtype, None
    if weights.recurrent_bias is not None:  # of a GRU, whose last gate it belongs to
        recurrent_bias = gradient.d_recurrent[:, -len(weights.recurrent_bias) :].sum(axis=0)
    return recurrent.Weights(
        weight_gradient(x, gradient.d_projected, dtype),
        weight_gradient(gradient.previous, gradient.d_recurrent, dtype),
        gradient.d_projected.sum(axis=0),
        recurrent_bias,
    )


native_loop.defvjp(_native_forward, _native_backward)
