"""The gated recurrent unit."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from textrnn.layers.cells.one_product import GateParameters, OneProductCell


class GRU(OneProductCell):
    """Gated recurrent unit; gates in the order r, z, n, the reset applied after the product.

    n = tanh(W x + b + r (U h + b'));  h' = (1 - z) n + z h.
    Cho et al. 2014, in the form of cuDNN and PyTorch.
    """

    width = 3
    carries = 1
    additive = False
    native = "gru"

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        self.recurrent_bias = nnx.Param(jnp.zeros(hidden))

    def gate_parameters(self) -> GateParameters:
        return {"bias": self.bias[...], "recurrent_bias": self.recurrent_bias[...]}

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        (h,) = carry
        hidden = h.shape[-1]
        projected = projected + parameters["bias"]
        r, z = jnp.split(
            jax.nn.sigmoid(projected[..., : 2 * hidden] + recurrent[..., : 2 * hidden]), 2, axis=-1
        )
        n = jnp.tanh(
            projected[..., 2 * hidden :]
            + r * (recurrent[..., 2 * hidden :] + parameters["recurrent_bias"])
        )
        h = (1 - z) * n + z * h
        return (h,), h
