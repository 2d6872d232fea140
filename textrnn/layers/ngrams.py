"""Vectors of token n-grams, hashed into a table of fixed size.

    text        <s>  t   h   e          with orders 2 and 3, the second e of "thee" gets
    its n-grams      <s>t  th  he ...   table[hash("ee")] + table[hash("hee")]

An n-gram remembers what a recurrent network would have to compute, such as that "the" is English,
for the price of a look-up (Joulin et al. 2017, section 2.1; of characters as in Cavnar and Trenkle
1994). Those that share a bucket share its vector.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, UInt32
from pydantic import Field, PositiveInt

from textrnn.config import Config
from textrnn.layers.axes import BatchArray, Lengths
from textrnn.layers.ragged import take, token_before
from textrnn.text.tokenizer import PAD


class NgramConfig(Config):
    orders: tuple[PositiveInt, ...] = (2, 3, 4)
    """Lengths of the n-grams, in tokens."""
    buckets: PositiveInt = 32_768
    """Vectors in the table, which all lengths share."""
    size: PositiveInt = 64
    """Width of the vectors."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of n-grams whose vectors are left out in training."""


class NgramEmbedding(nnx.Module):
    """The sum of the vectors of the n-grams that end at each token.

    An n-gram that would begin before the row is filled with PAD.
    """

    def __init__(self, config: NgramConfig, *, rngs: nnx.Rngs):
        self.config = config
        shape = (config.buckets, config.size)
        self.table = nnx.Param(0.1 * jax.random.normal(rngs.params(), shape))

    def __call__(
        self, ids: Int[BatchArray, " tokens"], lengths: Lengths, key: Array | None = None
    ) -> Float[Array, "tokens features"]:
        """One vector for each token; padding is unspecified. A `key` turns dropout on."""
        table, rate = self.table[...], self.config.dropout
        total = jnp.zeros((len(ids), self.config.size), table.dtype)
        for order, buckets in enumerate(self._buckets(jnp.asarray(ids), lengths)):
            vectors = take(table, buckets, lengths)
            if key is not None and rate > 0:
                kept = jax.random.bernoulli(jax.random.fold_in(key, order), 1 - rate, ids.shape)
                vectors = jnp.where(kept[:, None], vectors / (1 - rate), 0)
            total += vectors
        return total

    def _buckets(self, ids: Int[Array, " tokens"], lengths: Lengths) -> list[Int[Array, " tokens"]]:
        """The bucket of the n-gram that ends at each token, for each order."""
        buckets = {}
        before, hashed = ids, jnp.zeros(ids.shape, jnp.uint32)
        for order in range(1, max(self.config.orders) + 1):
            hashed = _mix(hashed * jnp.uint32(0x9E3779B1) + before.astype(jnp.uint32) + order)
            buckets[order] = (hashed % self.config.buckets).astype(jnp.int32)
            before = token_before(before, jnp.full(len(lengths), PAD, ids.dtype), lengths)
        return [buckets[order] for order in self.config.orders]


def _mix(x: UInt32[Array, " tokens"]) -> UInt32[Array, " tokens"]:
    """A bijection after which each bit depends on all bits (the finalizer of MurmurHash3)."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
    return x ^ (x >> 16)
