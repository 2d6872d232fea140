"""Long short-term memory, and cells made of it."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from pydantic import PositiveInt

from textrnn.config import Config
from textrnn.layers.cells.one_product import GateParameters, OneProductCell
from textrnn.layers.linear import matmul
from textrnn.parameters import initial


class LSTM(OneProductCell):
    """Long short-term memory with a forget gate; gates in the order i, f, g, o.

    c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c').
    Hochreiter and Schmidhuber 1997; Gers et al. 2000. The forget gate's bias starts at 1
    (Jozefowicz et al. 2015).
    """

    width = 4
    carries = 2
    native = "lstm"

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        self.bias[...] = self.bias[...].at[hidden : 2 * hidden].set(1.0)

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        c, h = carry
        # One tanh for all four gates, since sigmoid(z) = (1 + tanh(z / 2)) / 2: 10 to 25 % faster
        # on CPU than three sigmoids and a tanh.
        half = jnp.repeat(jnp.array([0.5, 0.5, 1.0, 0.5]), h.shape[-1])
        i, f, g, o = jnp.split(
            jnp.tanh((projected + recurrent + parameters["bias"]) * half), 4, axis=-1
        )
        c = 0.5 * ((f + 1) * c + (i + 1) * g)
        h = 0.5 * (o + 1) * jnp.tanh(c)
        return (c, h), h


class Mogrifier(LSTM):
    """An LSTM whose input and state gate each other alternately, five times, before each step.

    x <- 2 sigmoid(Q h) x, then h <- 2 sigmoid(R x) h, and so on. Melis et al. 2020, equations 1
    and 2, with full matrices. The gated input depends on the state, so no product can be moved out
    of the loop: a step has seven matrix products, an LSTM's has one.
    """

    additive = False
    hoisted = False
    native = None

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        glorot = nnx.initializers.glorot_uniform()
        self.input_gates = nnx.Param(
            jnp.stack([initial(glorot, rngs, (hidden, inputs)) for _ in range(3)])
        )
        self.state_gates = nnx.Param(
            jnp.stack([initial(glorot, rngs, (inputs, hidden)) for _ in range(2)])
        )

    def project(self, x):
        return x.astype(jnp.float32)

    def kernel(self):
        return self.input_gates[...][0]

    def gate_parameters(self) -> GateParameters:
        return {
            "bias": self.bias[...],
            "input_kernel": self.input_kernel[...],
            "recurrent_kernel": self.recurrent_kernel[...],
            "input_gates": self.input_gates[...][1:],
            "state_gates": self.state_gates[...],
        }

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        c, h = carry
        x = 2 * jax.nn.sigmoid(recurrent) * projected
        for q, r in zip(parameters["input_gates"], parameters["state_gates"], strict=True):
            h = 2 * jax.nn.sigmoid(matmul(x, r)) * h
            x = 2 * jax.nn.sigmoid(matmul(h, q)) * x
        projected = matmul(x, parameters["input_kernel"])
        recurrent = matmul(h, parameters["recurrent_kernel"])
        return LSTM.gates({"bias": parameters["bias"]}, (c, h), projected, recurrent)


class ProjectionOptions(Config):
    input_rank: PositiveInt = 64
    """Inner width of the input kernel."""
    recurrent_rank: PositiveInt = 64
    """Inner width of the recurrent kernel."""


class ProjectedLSTM(LSTM):
    """An LSTM whose kernels are products of two thin matrices.

    W = P_x V_x with P_x of [inputs, input_rank], U = P_h V_h with P_h of [hidden, recurrent_rank].
    Sak et al. 2014 have the recurrent projection. Here, the input is projected too, and the output
    is the state itself and not its projection, as in MATLAB's `lstmProjectedLayer`. There are no
    peephole connections and no projection for the output alone. It has fewer parameters than an
    LSTM and takes the same time: loops multiply the matrices once.
    """

    options_type = ProjectionOptions
    options: ProjectionOptions

    def _make_kernels(self, rngs: nnx.Rngs) -> None:
        options, inputs, hidden = self.options, self.inputs, self.hidden
        for name, rank, width in (
            ("input_rank", options.input_rank, inputs),
            ("recurrent_rank", options.recurrent_rank, hidden),
        ):
            if rank > width:
                raise ValueError(f"{name} is {rank}, more than the {width} features it projects")
        orthogonal, glorot = nnx.initializers.orthogonal(), nnx.initializers.glorot_uniform()
        gates = 4 * hidden
        self.input_projection = nnx.Param(initial(orthogonal, rngs, (inputs, options.input_rank)))
        self.input_factor = nnx.Param(initial(glorot, rngs, (options.input_rank, gates)))
        shape = (hidden, options.recurrent_rank)
        self.recurrent_projection = nnx.Param(initial(orthogonal, rngs, shape))
        self.recurrent_factor = nnx.Param(initial(glorot, rngs, (options.recurrent_rank, gates)))

    def input_weights(self):
        return self._product(self.input_projection[...], self.input_factor[...])

    def kernel(self):
        return self._product(self.recurrent_projection[...], self.recurrent_factor[...])

    @staticmethod
    def _product(projection, factor):
        return matmul(projection, factor).astype(factor.dtype)
