"""A pushdown automaton that can be trained."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from pydantic import PositiveInt, model_validator

from textrnn.config import Config
from textrnn.layers.cells.cell import Cell
from textrnn.layers.linear import matmul
from textrnn.parameters import initial


class StackOptions(Config):
    depth: PositiveInt = 32
    """Elements of the stack. What is pushed below the last one is lost."""
    width: PositiveInt = 16
    """Numbers of an element."""
    read: PositiveInt = 1
    """Elements that the network reads, from the top."""
    recurrent: bool = True
    """Whether the hidden layer also reads itself. Otherwise all memory is in the stack, and a
    network learns to use it, in place of remembering a few symbols in its state."""

    @model_validator(mode="after")
    def _reads_what_there_is(self) -> "StackOptions":
        if self.read > self.depth:
            raise ValueError(f"read is {self.read}, more than the {self.depth} elements")
        return self


class StackRNN(Cell):
    """A recurrent network with a continuous stack.

    h' = tanh(W x + U h + P s + b), where s are the elements at the top of the stack. The network
    then mixes three actions, of which the weights are a softmax of A h': push tanh(D h'), pop, and
    leave the stack as it is. Joulin and Mikolov 2015, for whom the third action is an option. They
    have several stacks of single numbers, here there is one of vectors. Their units are logistic
    and an empty element is -1; here units are tanh and it is 0.
    """

    bridged = 1
    options_type = StackOptions
    options: StackOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        glorot, orthogonal = nnx.initializers.glorot_uniform(), nnx.initializers.orthogonal()
        self.input_kernel = nnx.Param(initial(glorot, rngs, (inputs, hidden)))
        if options.recurrent:
            self.recurrent_kernel = nnx.Param(initial(orthogonal, rngs, (hidden, hidden)))
        top = options.read * options.width
        self.top_kernel = nnx.Param(initial(glorot, rngs, (top, hidden)))
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
        top = stack[:, : self.options.read].reshape(len(stack), -1)
        total = projected + matmul(top, self.top_kernel[...]) + self.bias[...]
        if self.options.recurrent:
            total += matmul(h, self.recurrent_kernel[...])
        h = jnp.tanh(total)
        actions = jax.nn.softmax(matmul(h, self.action_kernel[...]) + self.action_bias[...])
        push, pop, keep = jnp.split(actions[:, :, None], 3, axis=1)
        pushed = jnp.tanh(matmul(h, self.push_kernel[...]) + self.push_bias[...])
        down = jnp.concatenate([pushed[:, None], stack[:, :-1]], axis=1)
        up = jnp.concatenate([stack[:, 1:], jnp.zeros_like(stack[:, :1])], axis=1)
        return (push * down + pop * up + keep * stack, h), h
