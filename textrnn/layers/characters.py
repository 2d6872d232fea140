"""A word's vector from its letters: by convolution, or by a small recurrent network."""

from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import Field, PositiveInt

from textrnn.config import Config
from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import Linear
from textrnn.text.tokenizer import PAD

Letters = Int[Array, "time rows letters"]


class CharactersConfig(Config):
    kind: Literal["cnn", "lstm", "none"] = "cnn"
    """`cnn`: Ma and Hovy 2016; `lstm`, both directions: Lample et al. 2016."""
    letters: PositiveInt = 16
    """Of a longer word, the middle is left out."""
    size: PositiveInt = 24
    """Of a letter's vector."""
    features: PositiveInt = 60
    """Of the word's vector: filters, or units of both directions together."""
    width: PositiveInt = 3
    """Letters that a filter sees."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On the letters' vectors."""


class Characters(nnx.Module):
    """[time, rows, letters] -> [time, rows, config.features]."""

    def __init__(self, config: CharactersConfig, alphabet: int, *, rngs: nnx.Rngs):
        self.config = config
        table = 0.3 * jax.random.normal(rngs.params(), (alphabet, config.size))
        self.table = nnx.Param(table.at[PAD].set(0))
        seen, each_way = config.width * config.size, EncoderConfig(hidden=config.features // 2)
        convolves = config.kind == "cnn"
        self.filters = Linear(seen, config.features, rngs=rngs) if convolves else None
        self.encoder = None if convolves else Encoder(each_way, config.size, rngs=rngs)

    def __call__(
        self, letters: Letters, key: Array | None = None
    ) -> Float[Array, "time rows features"]:
        """With a `key`, dropout is on."""
        real = letters != PAD
        x = jnp.where(real[..., None], self.table[...][letters], 0)
        if key is not None and self.config.dropout:
            keep = jax.random.bernoulli(key, 1 - self.config.dropout, x.shape)
            x = jnp.where(keep, x / (1 - self.config.dropout), 0)
        return self._convolve(x, real) if self.filters is not None else self._recur(x, real)

    def _convolve(self, x: Array, real: Array) -> Array:
        """Every filter at every place, and of each its strongest answer."""
        assert self.filters is not None
        count, around = x.shape[2], self.config.width // 2
        x = jnp.pad(x, ((0, 0), (0, 0), (around, self.config.width - 1 - around), (0, 0)))
        seen = [x[:, :, offset : offset + count] for offset in range(self.config.width)]
        answers = self.filters(jnp.concatenate(seen, axis=-1))
        return jnp.tanh(jnp.where(real[..., None], answers, -1e4).max(axis=2))

    def _recur(self, x: Array, real: Array) -> Array:
        """Where the two directions end, at the word's last letter and at its first."""
        assert self.encoder is not None
        time, rows, count, _ = x.shape
        words = x.reshape(time * rows, count, -1).swapaxes(0, 1)
        _, carries = self.encoder(words, real.sum(axis=-1).reshape(-1))
        ends = [carry[-1] for carry in carries[0]]
        return jnp.concatenate(ends, axis=-1).reshape(time, rows, -1)
