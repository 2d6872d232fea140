"""Gated cells without a product with the state, and so without a loop."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx

from textrnn.layers.cells.linear import LinearCell
from textrnn.layers.linear import matmul
from textrnn.parameters import initial


class _MinimalCell(LinearCell):
    width: ClassVar[int]
    """Pre-activations per hidden unit."""

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        glorot = nnx.initializers.glorot_uniform()
        blocks = [initial(glorot, rngs, (inputs, hidden)) for _ in range(self.width)]
        self.input_kernel = nnx.Param(jnp.concatenate(blocks, axis=1))
        self.bias = nnx.Param(jnp.zeros(self.width * hidden))

    def project(self, x):
        return matmul(x, self.input_kernel[...]) + self.bias[...]


class MinGRU(_MinimalCell):
    """h' = (1 - z) h + z n with z = sigmoid(W_z x + b_z), n = W_n x + b_n; in the order z, n.

    Feng et al. 2024, Were RNNs all we needed?, section 3.1.
    """

    width = 2

    def coefficients(self, projected):
        z, n = jnp.split(projected, 2, axis=-1)
        z = jax.nn.sigmoid(z)
        return 1 - z, z * n


class MinLSTM(_MinimalCell):
    """h' = f h + i n, the two gates divided by their sum; pre-activations in the order i, f, n.

    Feng et al. 2024, section 3.2: no output gate, and no tanh.
    """

    width = 3

    def coefficients(self, projected):
        i, f, n = jnp.split(projected, 3, axis=-1)
        # f / (f + i) for two sigmoids, without a division by a sum that underflows.
        share = jax.nn.sigmoid(jax.nn.log_sigmoid(f) - jax.nn.log_sigmoid(i))
        return share, (1 - share) * n
