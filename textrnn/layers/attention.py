"""Attention: which of the source's positions a decoder looks at.

    attention.keys(memory)             what the positions offer, made once for a source
    attention.score(keys, query)       how well each position fits each query
    attend(scores, memory, lengths)    the weights, and the mean of the memory by them

Arrays are row-major. A row may ask several queries at once, as the hypotheses of one source do in
a search; they share the row's memory.
"""

from abc import abstractmethod

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from textrnn.layers.linear import matmul

Keys = Float[Array, "rows source size"]
Queries = Float[Array, "rows queries hidden"]
Scores = Float[Array, "rows queries source"]


class Attention(nnx.Module):
    def __init__(self, memory: int, hidden: int, *, rngs: nnx.Rngs):
        glorot = nnx.initializers.glorot_uniform()
        self.key_kernel = nnx.Param(glorot(rngs.params(), (memory, hidden)))

    def keys(self, memory: Float[Array, "rows source memory"]) -> Keys:
        return matmul(memory, self.key_kernel[...])

    @abstractmethod
    def score(self, keys: Keys, query: Queries) -> Scores:
        """Larger where a position fits a query better."""


class Multiplicative(Attention):
    """score = q . (W m). The "general" score of Luong et al. 2015, section 3.1."""

    def score(self, keys: Keys, query: Queries) -> Scores:
        return jnp.einsum("rsh,rqh->rqs", keys, query)


class Additive(Attention):
    """score = v . tanh(U q + W m). Bahdanau et al. 2015, appendix A.1.2."""

    def __init__(self, memory: int, hidden: int, *, rngs: nnx.Rngs):
        super().__init__(memory, hidden, rngs=rngs)
        glorot = nnx.initializers.glorot_uniform()
        self.query_kernel = nnx.Param(glorot(rngs.params(), (hidden, hidden)))
        self.vector = nnx.Param(glorot(rngs.params(), (hidden, 1)))

    def score(self, keys: Keys, query: Queries) -> Scores:
        asked = matmul(query, self.query_kernel[...])
        fits = jnp.tanh(keys[:, None] + asked[:, :, None])
        return matmul(fits, self.vector[...])[..., 0]


ATTENTIONS: dict[str, type[Attention]] = {
    "multiplicative": Multiplicative,
    "additive": Additive,
}


def attend(
    scores: Scores, memory: Float[Array, "rows source memory"], lengths: Int[Array, " rows"]
) -> tuple[Float[Array, "rows queries memory"], Scores]:
    """The context and the weights of each query. Weights sum to 1 over a row's real positions and
    are 0 on its padding; the weights of an empty row mean nothing."""
    real = jnp.arange(memory.shape[1]) < lengths[:, None]
    weights = jax.nn.softmax(jnp.where(real[:, None], scores, -1e9), axis=-1)
    return jnp.einsum("rqs,rsm->rqm", weights, memory), weights
