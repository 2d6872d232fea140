"""A pushdown automaton that can be trained."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from pydantic import PositiveInt

from textrnn.config import Config
from textrnn.layers.cells.cell import Cell
from textrnn.layers.linear import matmul
from textrnn.parameters import initial


class StackOptions(Config):
    depth: PositiveInt = 32
    """Elements of the stack. What is pushed below the last one is lost."""
    width: PositiveInt = 16
    """Numbers of an element."""


class StackRNN(Cell):
    """A recurrent network with a continuous stack.

    h' = tanh(W x + U h + P s_1 + b), where s_1 is the top of the stack. The network then mixes
    three actions, of which the weights are a softmax of A h': push sigmoid(D h'), pop, and leave
    the stack as it is. Joulin and Mikolov 2015, equations 4 to 8, with the third action of their
    section 3.2 and one stack; their units are logistic.
    """

    bridged = 1
    options_type = StackOptions
    options: StackOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        glorot, orthogonal = nnx.initializers.glorot_uniform(), nnx.initializers.orthogonal()
        self.input_kernel = nnx.Param(initial(glorot, rngs, (inputs, hidden)))
        self.recurrent_kernel = nnx.Param(initial(orthogonal, rngs, (hidden, hidden)))
        self.top_kernel = nnx.Param(initial(glorot, rngs, (options.width, hidden)))
        self.bias = nnx.Param(jnp.zeros(hidden))
        self.action_kernel = nnx.Param(initial(glorot, rngs, (hidden, 3)))
        self.action_bias = nnx.Param(jnp.zeros(3))
        self.push_kernel = nnx.Param(initial(glorot, rngs, (hidden, options.width)))
        self.push_bias = nnx.Param(jnp.zeros(options.width))

    @classmethod
    def initial_carry(cls, rows, hidden, options):
        """The stack, its top first, and the state."""
        return jnp.zeros((rows, options.depth, options.width)), jnp.zeros((rows, hidden))

    def project(self, x):
        return matmul(x, self.input_kernel[...])

    def step(self, carry, projected):
        stack, h = carry
        h = jnp.tanh(
            projected
            + matmul(h, self.recurrent_kernel[...])
            + matmul(stack[:, 0], self.top_kernel[...])
            + self.bias[...]
        )
        actions = jax.nn.softmax(matmul(h, self.action_kernel[...]) + self.action_bias[...])
        push, pop, keep = jnp.split(actions[:, :, None], 3, axis=1)
        pushed = jax.nn.sigmoid(matmul(h, self.push_kernel[...]) + self.push_bias[...])
        down = jnp.concatenate([pushed[:, None], stack[:, :-1]], axis=1)
        up = jnp.concatenate([stack[:, 1:], jnp.zeros_like(stack[:, :1])], axis=1)
        return (push * down + pop * up + keep * stack, h), h
