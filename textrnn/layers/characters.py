"""Word vectors from characters: a convolution or a small recurrent network over the letters."""

from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int
from pydantic import Field, PositiveInt

from textrnn.config import Config
from textrnn.layers.axes import BatchArray
from textrnn.layers.dropout import dropout
from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import Linear, matmul
from textrnn.layers.ragged import from_grid
from textrnn.native.characters import PADDED_TO, character_cnn
from textrnn.parameters import initial
from textrnn.platform import uses_native
from textrnn.text.tokenizer import PAD

Letters = Int[BatchArray, "tokens letters"]
LetterMask = Bool[BatchArray, "tokens letters"]
LetterVectors = Float[Array, "tokens letters size"]


class CharactersConfig(Config):
    kind: Literal["cnn", "lstm", "none"] = "cnn"
    """`cnn`: Ma and Hovy 2016; `lstm`, bidirectional: Lample et al. 2016."""
    letters: int = Field(default=16, ge=1, le=256)
    """Letters of the longest word; the middle of a longer word is left out."""
    size: PositiveInt = 24
    """Size of a letter's vector."""
    features: PositiveInt = 60
    """Size of the word's vector: number of filters, or of units in both directions together."""
    width: int = Field(default=3, ge=1, le=64)
    """Letters in the receptive field of a filter."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout of the letters' vectors."""


class Characters(nnx.Module):
    """Letters of [tokens, letters] to word vectors of [tokens, config.features]."""

    def __init__(self, config: CharactersConfig, alphabet: int, *, rngs: nnx.Rngs):
        self.config = config
        table = 0.3 * initial(jax.random.normal, rngs, (alphabet, config.size))
        self.table = nnx.Param(table.at[PAD].set(0))
        window, encoder = config.width * config.size, EncoderConfig(hidden=config.features // 2)
        convolves = config.kind == "cnn"
        self.filters = Linear(window, config.features, rngs=rngs) if convolves else None
        self.encoder = None if convolves else Encoder(encoder, config.size, rngs=rngs)

    def __call__(
        self, letters: Letters, key: Array | None = None
    ) -> Float[Array, "tokens features"]:
        """A `key` turns dropout on. The vector of an empty word is zero."""
        if self.filters is not None and (key is None or self.config.dropout == 0):
            return self._look_up(letters)
        valid = jnp.asarray(letters) != PAD
        x = jnp.where(valid[..., None], self.table[...][letters], 0)
        if key is not None:
            x = dropout(x, self.config.dropout, key)
        return self._convolve(x, valid) if self.filters is not None else self._recur(x, valid)

    def _convolve(self, x: LetterVectors, valid: LetterMask) -> Float[Array, "tokens features"]:
        """Apply every filter at every letter, and take its maximum over the word."""
        assert self.filters is not None
        count, before = x.shape[1], self.config.width // 2
        x = jnp.pad(x, ((0, 0), (before, self.config.width - 1 - before), (0, 0)))
        windows = [x[:, offset : offset + count] for offset in range(self.config.width)]
        responses = self.filters(jnp.concatenate(windows, axis=-1))
        largest = jnp.where(valid[..., None], responses, -1e4).max(axis=1)
        return jnp.where(jnp.any(valid, axis=1, keepdims=True), jnp.tanh(largest), 0)

    def _look_up(self, letters: Letters) -> Float[Array, "tokens features"]:
        """The same without dropout, and much faster: a letter contributes the same to a filter
        wherever it occurs, so the products of all letters with all filters are made once."""
        assert self.filters is not None
        config, table = self.config, self.table[...].at[PAD].set(0)
        kernel = self.filters.kernel[...].reshape(config.width, config.size, config.features)
        fill = -config.features % PADDED_TO
        kernel = jnp.pad(kernel.swapaxes(0, 1), ((0, 0), (0, 0), (0, fill)))
        products = matmul(table, kernel.reshape(config.size, -1))
        products = products.reshape(len(table), config.width, -1)
        bias = jnp.pad(self.filters.bias[...].astype(jnp.float32), (0, fill))
        run = character_cnn if uses_native() else _add_products
        return run(products, bias, jnp.asarray(letters), config.features)

    def _recur(self, x: LetterVectors, valid: LetterMask) -> Float[Array, "tokens features"]:
        """The last states of both directions: at the word's last letter and at its first."""
        assert self.encoder is not None
        lengths = valid.sum(axis=-1)
        letters = from_grid(x, lengths, x.shape[0] * x.shape[1])
        _, carries = self.encoder(letters, lengths)
        return jnp.concatenate([carry[-1] for carry in carries[0]], axis=-1)


def _add_products(
    products: Float[Array, "alphabet width padded"],
    bias: Float[Array, " padded"],
    letters: Letters,
    features: int,
) -> Float[Array, "tokens {features}"]:
    """What `character_cnn` computes, for devices without the kernel."""
    count, width = letters.shape[1], products.shape[1]
    around = jnp.pad(letters, ((0, 0), (width // 2, width - 1 - width // 2)))
    responses = sum(products[:, i][around[:, i : i + count]] for i in range(width))
    valid = (jnp.asarray(letters) != PAD)[..., None]
    largest = jnp.where(valid, responses, -1e4).max(axis=1)
    return jnp.where(valid.any(axis=1), jnp.tanh(largest + bias), 0)[:, :features]
