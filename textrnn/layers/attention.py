"""Attention of decoder states over the positions of a source.

    attention.keys(memory)             keys of the source positions, computed once per source
    attention.score(keys, query)       how well each position matches each query
    attend(scores, memory, lengths)    attention weights, and the weighted mean of the memory

Arrays are row-major. A row may have several queries, such as the hypotheses of one source in a
beam search; they share the row's memory.
"""

from abc import abstractmethod

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from textrnn.layers.axes import Lengths
from textrnn.layers.linear import matmul
from textrnn.layers.masking import MASKED

Keys = Float[Array, "rows source hidden"]
Queries = Float[Array, "rows queries hidden"]
Scores = Float[Array, "rows queries source"]


class Attention(nnx.Module):
    """A scoring function with a linear map from memory to keys."""

    def __init__(self, memory: int, hidden: int, *, rngs: nnx.Rngs):
        glorot = nnx.initializers.glorot_uniform()
        self.key_kernel = nnx.Param(glorot(rngs.params(), (memory, hidden)))

    def keys(self, memory: Float[Array, "*batch memory"]) -> Float[Array, "*batch hidden"]:
        return matmul(memory, self.key_kernel[...])

    @abstractmethod
    def score(self, keys: Keys, query: Queries) -> Scores:
        """Unnormalised scores, higher for a better match."""


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
        projected = matmul(query, self.query_kernel[...])
        matches = jnp.tanh(keys[:, None] + projected[:, :, None])
        return matmul(matches, self.vector[...])[..., 0]


ATTENTIONS: dict[str, type[Attention]] = {
    "multiplicative": Multiplicative,
    "additive": Additive,
}


def attend(
    scores: Scores, memory: Float[Array, "rows source memory"], lengths: Lengths
) -> tuple[Float[Array, "rows queries memory"], Scores]:
    """The context vector and the attention weights of each query.

    Weights sum to 1 over the real positions of a row and are 0 on its padding. The weights of an
    empty row are meaningless.
    """
    valid = jnp.arange(memory.shape[1]) < lengths[:, None]
    weights = jax.nn.softmax(jnp.where(valid[:, None], scores, MASKED), axis=-1)
    return jnp.einsum("rqs,rsm->rqm", weights, memory), weights
