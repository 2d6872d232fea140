"""A classifier of the nodes of trees."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from textrnn.layers.dropout import dropout
from textrnn.layers.embedding import Embedding
from textrnn.layers.linear import Linear
from textrnn.layers.losses import token_cross_entropy
from textrnn.layers.trees.batch import UNLABELLED, TreeBatch
from textrnn.layers.trees.cells import TreeCell
from textrnn.layers.trees.encode import encode_trees


class TreeClassifier(nnx.Module):
    """Vectors of words, a cell, and a linear layer on the output of every node."""

    def __init__(
        self,
        embedding: Embedding,
        cell: TreeCell,
        labels: int,
        dropout: float = 0.0,
        *,
        rngs: nnx.Rngs,
    ):
        self.embedding = embedding
        self.cell = cell
        self.output = Linear(cell.hidden, labels, rngs=rngs)
        self.dropout = dropout

    def __call__(self, batch: TreeBatch, key: Array | None = None) -> Float[Array, "nodes labels"]:
        """The logits of each node. A `key` turns dropout on."""
        keys = (None, None) if key is None else jax.random.split(key)
        x = self.embedding(batch.words, batch.lengths, keys[0])
        h = encode_trees(self.cell, x, batch)
        if keys[1] is not None:
            h = dropout(h, self.dropout, keys[1])
        return self.output(h)


def node_loss(logits: Float[Array, "nodes labels"], batch: TreeBatch) -> Float[Array, ""]:
    """The mean cross-entropy of the nodes that have a label."""
    labels = jnp.asarray(batch.labels)
    labelled = labels != UNLABELLED
    losses = token_cross_entropy(logits, jnp.where(labelled, labels, 0))
    return jnp.where(labelled, losses, 0).sum() / labelled.sum()
