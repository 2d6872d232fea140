"""Attention of decoder states over the tokens of a source.

    source = attention.read(memory, ...)    the memory and its keys, computed once per source
    attention(source, queries, counts)      the weighted mean of the memory, for each query

A row may have several queries, such as the hypotheses of one source in a beam search; they share
the row's memory. Queries and memory are ragged, each with lengths of its own:

    memory    a0 a1 a2 b0 b1    lengths 3, 2
    queries   p0 q0 q1          counts  1, 2    p0 reads a; q0 and q1 read b
"""

from abc import abstractmethod
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from textrnn.layers.axes import Lengths
from textrnn.layers.linear import matmul
from textrnn.layers.masking import MASKED
from textrnn.layers.ragged import from_grid, to_grid
from textrnn.native import decoding
from textrnn.parameters import initial
from textrnn.platform import uses_native


class EncodedSource(NamedTuple):
    """A ragged batch of encoded sources."""

    memory: Float[Array, "tokens memory"]
    keys: Float[Array, "tokens hidden"]
    lengths: Lengths
    longest: int
    """A static upper bound of the lengths."""

    def grids(self) -> "SourceGrids":
        """The same as padded arrays."""
        memory, keys = (to_grid(a, self.lengths, self.longest) for a in (self.memory, self.keys))
        return SourceGrids(memory, keys, self.lengths)


class SourceGrids(NamedTuple):
    """A padded batch of encoded sources."""

    memory: Float[Array, "rows source memory"]
    keys: Float[Array, "rows source hidden"]
    lengths: Lengths


Queries = Float[Array, "rows queries hidden"]
AttentionWeights = Float[Array, "rows queries source"]


class Attention(nnx.Module):
    """A scoring function with a linear map from memory to keys."""

    def __init__(self, memory: int, hidden: int, *, rngs: nnx.Rngs):
        glorot = nnx.initializers.glorot_uniform()
        self.key_kernel = nnx.Param(initial(glorot, rngs, (memory, hidden)))

    def read(
        self, memory: Float[Array, "tokens memory"], lengths: Lengths, longest: int
    ) -> EncodedSource:
        """Everything that does not depend on a query."""
        return EncodedSource(memory, matmul(memory, self.key_kernel[...]), lengths, longest)

    def __call__(
        self,
        source: EncodedSource,
        queries: Float[Array, "hypotheses hidden"],
        counts: Int[Array, " rows"],
    ) -> tuple[Float[Array, "hypotheses memory"], Float[Array, "tokens queries"]]:
        """The context vector of each query, and the weights of each token for the queries of its
        row. There is space for equally many queries of each row.

        The weights of a query sum to 1. Contexts and weights of queries that a row does not have,
        or whose row is empty, are meaningless. Cannot be differentiated.
        """
        if uses_native():
            return self.attend_natively(source, queries, counts)
        per_row = len(queries) // len(counts)
        context, weights = self.attend(source.grids(), to_grid(queries, counts, per_row))
        return (
            from_grid(context, counts, len(queries)),
            from_grid(weights.swapaxes(1, 2), source.lengths, len(source.memory)),
        )

    def attend(
        self, source: SourceGrids, queries: Queries
    ) -> tuple[Float[Array, "rows queries memory"], AttentionWeights]:
        """The same on padded arrays. Weights are 0 on padding."""
        valid = jnp.arange(source.memory.shape[1]) < source.lengths[:, None]
        scores = jnp.where(valid[:, None], self.score(source.keys, queries), MASKED)
        weights = jax.nn.softmax(scores, axis=-1)
        return jnp.einsum("rqs,rsm->rqm", weights, source.memory), weights

    @abstractmethod
    def score(self, keys: Float[Array, "rows source hidden"], queries: Queries) -> AttentionWeights:
        """Unnormalised scores, higher for a better match."""

    @abstractmethod
    def attend_natively(
        self,
        source: EncodedSource,
        queries: Float[Array, "hypotheses hidden"],
        counts: Int[Array, " rows"],
    ) -> tuple[Float[Array, "hypotheses memory"], Float[Array, "tokens queries"]]:
        """`__call__` by the native library."""


class Multiplicative(Attention):
    """score = q . (W m). The "general" score of Luong et al. 2015, section 3.1."""

    def score(self, keys, queries):
        return jnp.einsum("rsh,rqh->rqs", keys, queries)

    def attend_natively(self, source, queries, counts):
        return decoding.attention(source.memory, source.keys, source.lengths, queries, counts)


class Additive(Attention):
    """score = v . tanh(U q + W m). Bahdanau et al. 2015, appendix A.1.2."""

    def __init__(self, memory: int, hidden: int, *, rngs: nnx.Rngs):
        super().__init__(memory, hidden, rngs=rngs)
        glorot = nnx.initializers.glorot_uniform()
        self.query_kernel = nnx.Param(initial(glorot, rngs, (hidden, hidden)))
        self.vector = nnx.Param(initial(glorot, rngs, (hidden, 1)))

    def score(self, keys, queries):
        projected = matmul(queries, self.query_kernel[...])
        matches = jnp.tanh(keys[:, None] + projected[:, :, None])
        return matmul(matches, self.vector[...])[..., 0]

    def attend_natively(self, source, queries, counts):
        projected = matmul(queries, self.query_kernel[...])
        vector = self.vector[...][:, 0].astype(jnp.float32)
        return decoding.attention(
            source.memory, source.keys, source.lengths, projected, counts, vector
        )


ATTENTIONS: dict[str, type[Attention]] = {
    "multiplicative": Multiplicative,
    "additive": Additive,
}
