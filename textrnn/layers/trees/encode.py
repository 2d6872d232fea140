"""The walk over the trees of a batch, from the leaves to the roots."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from textrnn.layers.ragged import is_token
from textrnn.layers.trees.batch import TreeBatch
from textrnn.layers.trees.cells import TreeCell, TreeState


def encode_trees(
    cell: TreeCell, x: Float[Array, "leaves inputs"], batch: TreeBatch
) -> Float[Array, "nodes hidden"]:
    """The output of each node from the vectors of the words; that of padding is unspecified."""
    x = jnp.where(is_token(batch.lengths, len(x))[:, None], x, 0)
    children = jnp.asarray(batch.children)
    steps, width, _ = children.shape

    def with_room(leaves: Array) -> Array:
        return jnp.pad(leaves, ((0, steps * width), (0, 0)))

    def step(states: TreeState, inputs: tuple[Array, Array]) -> tuple[TreeState, None]:
        first, pairs = inputs
        left, right = (tuple(state[pairs[:, side]] for state in states) for side in (0, 1))

        def write(state: Array, new: Array) -> Array:
            return lax.dynamic_update_slice_in_dim(state, new, first, axis=0)

        return jax.tree.map(write, states, cell.compose(left, right)), None

    first = len(x) + width * jnp.arange(steps)
    states, _ = lax.scan(step, jax.tree.map(with_room, cell.leaf(x)), (first, children))
    return states[-1]
