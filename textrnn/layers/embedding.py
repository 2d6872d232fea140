"""A table of vectors, one for each id, with the dropouts that belong to it."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import Field, PositiveInt

from textrnn.config import Config
from textrnn.text.tokenizer import BOS, EOS, PAD, UNK


class EmbeddingConfig(Config):
    size: PositiveInt = 128
    word_dropout: float = Field(default=0.0, ge=0, lt=1)
    """The share of tokens that training replaces by UNK."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On the vectors, one mask for all tokens of a text (Gal and Ghahramani 2016)."""
    type_dropout: float = Field(default=0.0, ge=0, lt=1)
    """The share of ids whose vectors are zero in the whole batch (Merity et al. 2018, section 4.3).
    """


class Embedding(nnx.Module):
    def __init__(self, config: EmbeddingConfig, vocabulary: int, *, rngs: nnx.Rngs):
        self.config = config
        table = 0.1 * jax.random.normal(rngs.params(), (vocabulary, config.size))
        self.table = nnx.Param(table.at[PAD].set(0))

    def __call__(
        self, ids: Int[Array, "rows time"], key: Array | None = None
    ) -> Float[Array, "time rows features"]:
        """Time-major vectors, as the recurrent layers take them. With a `key`, dropout is on."""
        ids = ids.T
        if key is None:
            return self.table[...][ids]
        words, features = jax.random.split(key)
        drop = jax.random.bernoulli(words, self.config.word_dropout, ids.shape)
        drop &= (ids != PAD) & (ids != BOS) & (ids != EOS)
        table = self.table[...]
        if self.config.type_dropout:
            left = 1 - self.config.type_dropout
            keep = jax.random.bernoulli(jax.random.fold_in(features, 1), left, (len(table), 1))
            table = jnp.where(keep, table / left, 0)
        x = table[jnp.where(drop, UNK, ids)]
        return variational_dropout(x, self.config.dropout, features)


def variational_dropout(
    x: Float[Array, "time rows features"], rate: float, key: Array
) -> Float[Array, "time rows features"]:
    """Dropout with one mask for all time steps of a row (Gal and Ghahramani 2016)."""
    if rate == 0:
        return x
    keep = jax.random.bernoulli(key, 1 - rate, (1, *x.shape[1:]))
    return jnp.where(keep, x / (1 - rate), 0)
