"""Networks of which only the readout is trained."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float
from pydantic import Field, PositiveFloat

from textrnn.config import Config
from textrnn.layers.cells.cell import Cell
from textrnn.layers.linear import matmul
from textrnn.parameters import Fixed, initial


class ReservoirOptions(Config):
    radius: PositiveFloat = 0.9
    """Spectral radius of the recurrent matrix."""
    density: float = Field(default=0.1, gt=0, le=1)
    """Share of the recurrent weights that are not zero."""
    leak: float = Field(default=1.0, gt=0, le=1)
    """How much of the new state enters at each step."""
    input_scale: PositiveFloat = 0.5
    """Input weights and biases are uniform in plus and minus this."""


class EchoState(Cell):
    """An echo state network: h' = (1 - leak) h + leak tanh(W x + U h + b), all of it random.

    Jaeger 2001; with leak, the leaky integrators of Jaeger et al. 2007 in discrete time. Nothing is
    fed back from the output. Nothing of the cell is trained: what follows it is the readout.
    """

    bridged = 1
    options_type = ReservoirOptions
    options: ReservoirOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        self.input_kernel = Fixed(initial(self._uniform, rngs, (inputs, hidden)))
        self.recurrent_kernel = Fixed(initial(self._sparse, rngs, (hidden, hidden)))
        self.bias = Fixed(initial(self._uniform, rngs, (hidden,)))

    def _uniform(self, key: Array, shape: tuple[int, ...]) -> Array:
        scale = self.options.input_scale
        return jax.random.uniform(key, shape, minval=-scale, maxval=scale)

    def _sparse(self, key: Array, shape: tuple[int, ...]) -> Array:
        values, places = jax.random.split(key)
        kernel = jax.random.uniform(values, shape, minval=-1, maxval=1)
        kernel *= jax.random.bernoulli(places, self.options.density, shape)
        return kernel * (self.options.radius / jnp.maximum(spectral_radius(kernel), 1e-6))

    def project(self, x):
        return matmul(x, self.input_kernel[...])

    def step(self, carry, projected):
        (h,) = carry
        new = jnp.tanh(projected + matmul(h, self.recurrent_kernel[...]) + self.bias[...])
        h = h + self.options.leak * (new - h)
        return (h,), h


def spectral_radius(matrix: Float[Array, "units units"]) -> Float[Array, ""]:
    """The largest absolute value of an eigenvalue, as the limit of |A^n|^(1/n) (Gelfand 1941) at n
    of 2^14, to about a part in a thousand. 0 if the matrix is nilpotent."""
    logarithm, power = jnp.zeros(()), matrix
    squarings = 14
    for index in range(squarings):
        size = jnp.linalg.norm(power)
        power = power / jnp.maximum(size, 1e-30)
        logarithm += jnp.log(jnp.maximum(size, 1e-30)) / 2**index
        power = power @ power
    size = jnp.linalg.norm(power)
    logarithm += jnp.log(jnp.maximum(size, 1e-30)) / 2**squarings
    return jnp.where(size == 0, 0.0, jnp.exp(logarithm))
