"""Cells of networks on binary trees.

    cell.leaf(x)                    the state of a leaf from the vector of its word
    cell.compose(left, right)       the state of a node from those of its children

A state is a tuple of arrays of [nodes, hidden], of which the last is the output.
"""

from abc import abstractmethod

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from textrnn.layers.linear import Linear, matmul
from textrnn.parameters import initial

TreeState = tuple[Float[Array, "nodes hidden"], ...]


class TreeCell(nnx.Module):
    """How the states of nodes come about. At zeros, results and gradients must be finite."""

    def __init__(self, inputs: int, hidden: int, *, rngs: nnx.Rngs):
        self.inputs = inputs
        self.hidden = hidden

    @abstractmethod
    def leaf(self, x: Float[Array, "nodes inputs"]) -> TreeState:
        """The states of leaves from the vectors of their words."""

    @abstractmethod
    def compose(self, left: TreeState, right: TreeState) -> TreeState:
        """The states of nodes from those of their children."""


class RecursiveNetwork(TreeCell):
    """The recursive neural network: h = tanh(W [h_left; h_right] + b).

    Socher et al. 2011, Parsing natural scenes and natural language with recursive neural networks;
    Socher et al. 2013, section 4.1, whose units are tanh. A leaf is tanh(V x + a), so that vectors
    of words may have another size than states. Segments of images have such a layer in 2011; in
    2013, a leaf is the vector itself.
    """

    def __init__(self, inputs: int, hidden: int, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, rngs=rngs)
        self.input = Linear(inputs, hidden, rngs=rngs)
        self.composition = Linear(2 * hidden, hidden, rngs=rngs)

    def leaf(self, x):
        return (jnp.tanh(self.input(x)),)

    def compose(self, left, right):
        return (jnp.tanh(self.composition(jnp.concatenate([*left, *right], axis=-1))),)


class TreeLSTM(TreeCell):
    """The binary constituency tree LSTM; gates in the order i, o, u, f_left, f_right.

    c = sigmoid(i) tanh(u) + sigmoid(f_left) c_left + sigmoid(f_right) c_right;
    h = sigmoid(o) tanh(c).
    Tai et al. 2015, equations 9 to 14 with N = 2: each gate reads the outputs of both children by
    matrices of its own, and the two forget gates share a bias. Words are the input of leaves alone,
    as in section 3.2 there, so the matrix of a forget gate for an input is not needed.
    """

    def __init__(self, inputs: int, hidden: int, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, rngs=rngs)
        glorot = nnx.initializers.glorot_uniform()
        self.input_kernel = nnx.Param(initial(glorot, rngs, (inputs, 3 * hidden)))
        self.child_kernel = nnx.Param(initial(glorot, rngs, (2 * hidden, 5 * hidden)))
        self.bias = nnx.Param(jnp.zeros(4 * hidden))

    def leaf(self, x):
        bias = self.bias[...][: 3 * self.hidden]
        i, o, u = jnp.split(matmul(x, self.input_kernel[...]) + bias, 3, axis=-1)
        return self._state(o, jax.nn.sigmoid(i) * jnp.tanh(u))

    def compose(self, left, right):
        c_left, h_left = left
        c_right, h_right = right
        read = matmul(jnp.concatenate([h_left, h_right], axis=-1), self.child_kernel[...])
        bias = self.bias[...]
        bias = jnp.concatenate([bias, bias[-self.hidden :]])
        i, o, u, f_left, f_right = jnp.split(read + bias, 5, axis=-1)
        kept = jax.nn.sigmoid(f_left) * c_left + jax.nn.sigmoid(f_right) * c_right
        return self._state(o, jax.nn.sigmoid(i) * jnp.tanh(u) + kept)

    @staticmethod
    def _state(o, c):
        return c, jax.nn.sigmoid(o) * jnp.tanh(c)


TREE_CELLS: dict[str, type[TreeCell]] = {"recursive": RecursiveNetwork, "tree_lstm": TreeLSTM}
"""All cells by name."""
