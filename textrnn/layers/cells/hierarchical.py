"""Levels of a text that find their own boundaries."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float
from pydantic import Field, PositiveFloat

from textrnn.config import Config
from textrnn.layers.cells.cell import Cell
from textrnn.layers.linear import matmul
from textrnn.parameters import initial


class HMLSTMOptions(Config):
    levels: int = Field(default=2, ge=2, le=8)
    """Levels, among which the units are divided evenly."""
    slope: PositiveFloat = 1.0
    """Slope of the boundary detector. Chung et al. raise it from 1 to 5 while training."""


class HMLSTM(Cell):
    """An LSTM of several levels (HM-LSTM), each with a detector of its own boundaries.

    At each step, a level starts anew if it found a boundary a step before. Otherwise, it updates
    its state if the level below finds a boundary now, and copies it if not. Chung et al. 2017,
    Hierarchical multiscale recurrent neural networks; the gradient of a boundary is that of its
    hard sigmoid (straight-through). The output is the states of all levels side by side, without
    the gates of their output module. The bias of forget gates starts at 1.
    """

    options_type = HMLSTMOptions
    options: HMLSTMOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        levels = options.levels
        if hidden % levels:
            raise ValueError(f"{hidden} units cannot be divided evenly among {levels} levels")
        size = hidden // levels
        gates = 4 * size + 1  # f, i, o, g, and the boundary
        glorot, orthogonal = nnx.initializers.glorot_uniform(), nnx.initializers.orthogonal()

        def square() -> Array:
            return initial(orthogonal, rngs, (size, gates))

        self.input_kernel = nnx.Param(initial(glorot, rngs, (inputs, gates)))
        self.recurrent_kernel = nnx.Param(jnp.stack([square() for _ in range(levels)]))
        self.up_kernel = nnx.Param(jnp.stack([square() for _ in range(levels - 1)]))
        self.down_kernel = nnx.Param(jnp.stack([square() for _ in range(levels - 1)]))
        self.bias = nnx.Param(jnp.zeros((levels, gates)).at[:, :size].set(1.0))

    @classmethod
    def initial_carry(cls, rows, hidden, options):
        """The cell, state and boundary of each level."""
        zeros = jnp.zeros((rows, hidden // options.levels))
        return ((zeros, zeros, jnp.zeros((rows, 1))),) * options.levels

    def project(self, x):
        return matmul(x, self.input_kernel[...])

    def step(self, carry, projected):
        states, below, from_below = [], jnp.ones((len(projected), 1)), projected
        for level, (c, h, z) in enumerate(carry):
            total = matmul(h, self.recurrent_kernel[...][level]) + self.bias[...][level]
            if level:
                total += below * matmul(states[-1][1], self.up_kernel[...][level - 1])
            else:
                total += from_below
            if level + 1 < len(carry):
                total += z * matmul(carry[level + 1][1], self.down_kernel[...][level])
            states.append(self._update(total, c, h, z, below))
            below = states[-1][2]
        return tuple(states), jnp.concatenate([h for _, h, _ in states], axis=-1)

    def _update(
        self, total: Float[Array, "rows gates"], c: Array, h: Array, ended: Array, below: Array
    ) -> tuple[Array, Array, Array]:
        """The cell, state and boundary of a level. `ended` is its boundary a step before, `below`
        that of the level below now. Both are 0 or 1, and have a gradient."""
        f, i, o = jnp.split(jax.nn.sigmoid(total[:, : 3 * c.shape[1]]), 3, axis=-1)
        g = jnp.tanh(total[:, 3 * c.shape[1] : -1])
        copy = (1 - ended) * (1 - below)
        c = copy * c + (1 - ended) * below * (f * c + i * g) + ended * i * g
        h = copy * h + (1 - copy) * o * jnp.tanh(c)
        return c, h, _boundary(total[:, -1:], self.options.slope)


def _boundary(total: Float[Array, "rows 1"], slope: float) -> Float[Array, "rows 1"]:
    """0 or 1, with the gradient of the hard sigmoid."""
    soft = jnp.clip((slope * total + 1) / 2, 0, 1)
    return soft + jax.lax.stop_gradient(jnp.where(soft > 0.5, 1.0, 0.0) - soft)
