"""The native kernel of the convolution over letters (`textrnn.layers.characters`).

It adds what it looks up in the products of all letters with all filters. Words and letters that are
padding take no time.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from textrnn.native import call_target

PADDED_TO = 16
"""The features of `products` and `bias` are padded to a multiple of this."""


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def character_cnn(
    products: Float[Array, "alphabet window padded"],
    bias: Float[Array, " padded"],
    letters: Int[Array, "words letters"],
    features: int,
) -> Float[Array, "words features"]:
    """tanh(bias + the largest response of each filter at any letter); 0 for an empty word.

    The response at letter t is the sum over i of products[letters[t + i - window // 2], i]. Words
    are filled up with 0, and products[0] has to be 0. A call fails if a letter is not in the
    alphabet.
    """
    outputs = jax.ShapeDtypeStruct((letters.shape[0], features), jnp.float32)
    call = jax.ffi.ffi_call(call_target("textrnn_character_cnn"), (outputs,))
    return call(letters, products, bias, features=np.int64(features))[0]


def _forward(products, bias, letters, features):
    outputs = character_cnn(products, bias, letters, features)
    return outputs, (products, bias, letters, outputs)


def _backward(features, saved, d_outputs):
    products, bias, letters, outputs = saved
    shapes = [jax.ShapeDtypeStruct(array.shape, jnp.float32) for array in (products, bias)]
    call = jax.ffi.ffi_call(call_target("textrnn_character_cnn_backward"), shapes)
    d_products, d_bias = call(
        letters, products, bias, outputs, d_outputs, features=np.int64(features)
    )
    return d_products, d_bias, None


character_cnn.defvjp(_forward, _backward)
