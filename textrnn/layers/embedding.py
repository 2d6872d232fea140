"""An embedding table and the kinds of dropout that apply to it."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import Field, PositiveInt

from textrnn.config import Config
from textrnn.layers.axes import BatchArray, Lengths
from textrnn.layers.dropout import dropout, variational_dropout
from textrnn.layers.ragged import take
from textrnn.parameters import initial
from textrnn.text.tokenizer import BOS, EOS, PAD, UNK


class EmbeddingConfig(Config):
    size: PositiveInt = 128
    """Width of the vectors."""
    word_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of tokens that are replaced by UNK in training."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout of vectors, with one mask for all tokens of a text (Gal and Ghahramani 2016)."""
    type_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of ids whose vectors are zero in the whole batch (Merity et al. 2018, section 4.3)."""


class Embedding(nnx.Module):
    """A table of one vector for each id; the vector of PAD starts as zero."""

    def __init__(self, config: EmbeddingConfig, vocabulary: int, *, rngs: nnx.Rngs):
        self.config = config
        table = 0.1 * initial(jax.random.normal, rngs, (vocabulary, config.size))
        self.table = nnx.Param(table.at[PAD].set(0))

    def __call__(
        self, ids: Int[BatchArray, " tokens"], lengths: Lengths, key: Array | None = None
    ) -> Float[Array, "tokens features"]:
        """The vector of each token. A `key` turns dropout on."""
        if key is None:
            return take(self.table[...], ids, lengths)
        token_key, vector_key = jax.random.split(key)
        drop = jax.random.bernoulli(token_key, self.config.word_dropout, ids.shape)
        drop &= (ids != PAD) & (ids != BOS) & (ids != EOS)
        type_key = jax.random.fold_in(vector_key, 1)
        table = dropout(self.table[...], self.config.type_dropout, type_key, shared_axes=(1,))
        x = take(table, jnp.where(drop, UNK, ids), lengths)
        return variational_dropout(x, lengths, self.config.dropout, vector_key)
