"""The network that classifies: embedding, recurrent encoder, pooling over time, a linear layer."""

from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import Field

from textrnn.config import Config
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import Linear

Pooling = Literal["max", "mean", "last", "attention"]


class ClassifierConfig(Config):
    embedding: EmbeddingConfig = EmbeddingConfig()
    encoder: EncoderConfig = EncoderConfig()
    pooling: tuple[Pooling, ...] = ("max", "mean")
    """How the outputs at all positions become one vector; several are put side by side."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On the pooled vector."""


class Classifier(nnx.Module):
    def __init__(self, config: ClassifierConfig, vocabulary: int, labels: int, *, rngs: nnx.Rngs):
        self.config = config
        width = config.encoder.width
        self.embedding = Embedding(config.embedding, vocabulary, rngs=rngs)
        self.encoder = Encoder(config.encoder, config.embedding.size, rngs=rngs)
        self.attention = Linear(width, 1, rngs=rngs) if "attention" in config.pooling else None
        self.output = Linear(width * len(config.pooling), labels, rngs=rngs)

    def __call__(
        self,
        ids: Int[Array, "rows time"],
        lengths: Int[Array, " rows"],
        key: Array | None = None,
    ) -> Float[Array, "rows labels"]:
        """Logits. With a `key`, dropout is on."""
        first, rest = (None, None) if key is None else jax.random.split(key)
        return self.judge(self.embedding(ids, first), lengths, rest)

    def judge(
        self,
        x: Float[Array, "time rows features"],
        lengths: Int[Array, " rows"],
        key: Array | None = None,
    ) -> Float[Array, "rows labels"]:
        """Logits of embedded texts."""
        encoder, output = (None, None) if key is None else jax.random.split(key)
        h, _ = self.encoder(x, lengths, key=encoder)
        pooled = jnp.concatenate([self._pool(kind, h, lengths) for kind in self.config.pooling], -1)
        if output is not None and self.config.dropout:
            keep = jax.random.bernoulli(output, 1 - self.config.dropout, pooled.shape)
            pooled = jnp.where(keep, pooled / (1 - self.config.dropout), 0)
        return self.output(pooled)

    def _pool(
        self, kind: Pooling, h: Float[Array, "time rows width"], lengths: Int[Array, " rows"]
    ) -> Float[Array, "rows width"]:
        valid = (jnp.arange(h.shape[0])[:, None] < lengths)[..., None]
        match kind:
            case "max":
                return jnp.where(valid, h, -1e9).max(axis=0)
            case "mean":  # padding is zero already
                return h.sum(axis=0) / jnp.maximum(lengths, 1)[:, None]
            case "last":
                return self._last(h, lengths)
            case "attention":
                assert self.attention is not None
                weights = jax.nn.softmax(jnp.where(valid, self.attention(h), -1e9), axis=0)
                return (weights * h).sum(axis=0)

    def _last(self, h: Array, lengths: Array) -> Array:
        """Where each direction ends: the last token left to right, the first right to left."""
        rows = jnp.arange(h.shape[1])
        ends = h[jnp.maximum(lengths - 1, 0), rows]
        if not self.config.encoder.bidirectional:
            return ends
        half = self.config.encoder.hidden
        return jnp.concatenate([ends[:, :half], h[0, :, half:]], axis=-1)
