"""Cells without gates."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from pydantic import Field, PositiveInt

from textrnn.config import Config
from textrnn.layers.cells.cell import Cell
from textrnn.layers.cells.one_product import GateParameters, OneProductCell
from textrnn.layers.linear import matmul
from textrnn.parameters import initial


class Elman(OneProductCell):
    """h' = tanh(W x + U h + b). Elman 1990, Finding structure in time."""

    width = 1
    carries = 1
    native = "elman"

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        h = jnp.tanh(projected + recurrent + parameters["bias"])
        return (h,), h


class JordanOptions(Config):
    decay: float = Field(default=0.5, ge=0, lt=1)
    """How much of the context remains after a step."""


class Jordan(OneProductCell):
    """A network whose context comes from its output.

    h = tanh(W x + U s + b);  y = tanh(V h + c);  s' = decay s + y. Jordan 1986, Attractor dynamics
    and parallelism in a connectionist sequential machine. His output layer has as many units as the
    task; here it has as many as the hidden layer.
    """

    width = 1
    carries = 1
    options_type = JordanOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        orthogonal = nnx.initializers.orthogonal()
        self.output_kernel = nnx.Param(initial(orthogonal, rngs, (hidden, hidden)))
        self.output_bias = nnx.Param(jnp.zeros(hidden))

    def gate_parameters(self) -> GateParameters:
        return {
            "bias": self.bias[...],
            "output_kernel": self.output_kernel[...],
            "output_bias": self.output_bias[...],
            "decay": jnp.full(self.hidden, self.options.decay),
        }

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        (context,) = carry
        h = jnp.tanh(projected + recurrent + parameters["bias"])
        y = jnp.tanh(matmul(h, parameters["output_kernel"]) + parameters["output_bias"])
        return (parameters["decay"] * context + y,), y


class SettlingOptions(Config):
    settle: PositiveInt = 3
    """Updates of all units at each token."""


class FullyRecurrent(OneProductCell):
    """Every unit reads every unit, several times at each token.

    h <- tanh(W x + U h + b), `settle` times. The network of Williams and Zipser 1989 makes one
    update a step. Here the input is held for a few, as in Almeida 1987 and Pineda 1987, who go on
    until the units settle. The units are tanh, those of Williams and Zipser logistic, and read the
    input a step later.
    """

    width = 1
    carries = 1
    additive = False  # the input is read again
    options_type = SettlingOptions

    def gate_parameters(self) -> GateParameters:
        # The number of updates is the length of an array, so that it is known when compiling.
        return {
            "bias": self.bias[...],
            "recurrent_kernel": self.recurrent_kernel[...],
            "further": jnp.zeros(self.options.settle - 1),
        }

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        h = jnp.tanh(projected + recurrent + parameters["bias"])
        for _ in parameters["further"]:
            recurrent = matmul(h, parameters["recurrent_kernel"])
            h = jnp.tanh(projected + recurrent + parameters["bias"])
        return (h,), h


class RMLPOptions(Config):
    depth: int = Field(default=2, ge=2, le=10)
    """Feed-forward layers between two states."""


class RMLP(OneProductCell):
    """A recurrent multilayer perceptron: several feed-forward layers inside of the loop.

    a = tanh(W x + U h + b), then a <- tanh(V_i a + c_i) for each further layer; h' = a. Puskorius
    and Feldkamp 1994 have a recurrence around each layer, here there is one around all of them, as
    in the deep transition of Pascanu et al. 2014.
    """

    width = 1
    carries = 1
    options_type = RMLPOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        orthogonal, further = nnx.initializers.orthogonal(), range(options.depth - 1)
        self.layer_kernels = nnx.Param(
            jnp.stack([initial(orthogonal, rngs, (hidden, hidden)) for _ in further])
        )
        self.layer_biases = nnx.Param(jnp.zeros((len(further), hidden)))

    def gate_parameters(self) -> GateParameters:
        return {
            "bias": self.bias[...],
            "layer_kernels": self.layer_kernels[...],
            "layer_biases": self.layer_biases[...],
        }

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        h = jnp.tanh(projected + recurrent + parameters["bias"])
        layers = zip(parameters["layer_kernels"], parameters["layer_biases"], strict=True)
        for kernel, bias in layers:
            h = jnp.tanh(matmul(h, kernel) + bias)
        return (h,), h


class SecondOrder(Cell):
    """Products of each unit with each input.

    h'_i = sigmoid(sum_jk W_ijk h_j x_k + b_i). Giles et al. 1992, with a bias. The first unit
    starts at 1, the others at 0, as there. There, one unit is the answer; here, what follows reads
    all of them. Its weights are hidden x hidden x inputs.
    """

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        normal = nnx.initializers.normal((inputs * hidden) ** -0.5)
        self.kernel = nnx.Param(initial(normal, rngs, (hidden, inputs * hidden)))
        self.bias = nnx.Param(jnp.zeros(hidden))

    @classmethod
    def initial_carry(cls, rows, hidden, options):
        return (jnp.zeros((rows, hidden)).at[:, 0].set(1.0),)

    def project(self, x):
        return x.astype(jnp.float32)

    def step(self, carry, projected):
        (h,) = carry
        products = matmul(h, self.kernel[...]).reshape(len(h), self.inputs, self.hidden)
        total = (products * projected[:, :, None]).sum(axis=1)
        h = jax.nn.sigmoid(total + self.bias[...])
        return (h,), h


class IndRNNOptions(Config):
    slowest: float | None = Field(default=None, gt=1)
    """For a memory of so many steps: initial u have time constants from 1 to this number, evenly on
    a logarithmic scale, and |u| stays at most 2^(1 / slowest)."""


class IndRNN(Cell):
    """Units that read themselves and no other: h' = relu(W x + u h + b), u elementwise.

    Li et al. 2018, Independently recurrent neural network. Layers on top of each other let units
    meet. Initial u are uniform in [0, 1] as there. With `slowest`, they are 1 - 1 / tau for time
    constants tau. A unit then adds up its input over tau steps, so that its initial W are divided
    by the root of tau. Orvieto et al. 2023 do the same but for a factor of up to the root of 2.
    The bound of u is that of Li et al.: no state is more than doubled in so many steps.
    """

    bridged = 1
    options_type = IndRNNOptions
    options: IndRNNOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        glorot, uniform = nnx.initializers.glorot_uniform(), nnx.initializers.uniform(1.0)
        kernel = initial(glorot, rngs, (inputs, hidden))
        if options.slowest is None:
            recurrent = initial(uniform, rngs, (hidden,))
        else:
            tau = jnp.geomspace(1, options.slowest, hidden)
            kernel, recurrent = kernel / jnp.sqrt(tau), 1 - 1 / tau
        self.input_kernel = nnx.Param(kernel)
        self.recurrent = nnx.Param(recurrent)
        self.bias = nnx.Param(jnp.zeros(hidden))

    def project(self, x):
        return matmul(x, self.input_kernel[...])

    def step(self, carry, projected):
        (h,) = carry
        u = self.recurrent[...]
        if self.options.slowest is not None:
            bound = 2 ** (1 / self.options.slowest)
            u = jnp.clip(u, -bound, bound)
        h = jax.nn.relu(projected + u * h + self.bias[...])
        return (h,), h
