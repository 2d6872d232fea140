"""A recurrent language model: from the tokens so far to what comes next.

    ids      <s> R  O  M  E         past       what came before, one carry for each layer
    logits    R  O  M  E  O         past       the same, five tokens later

Whatever it has read, its past has the same size, and text that is read in pieces is read as one.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import field_validator

from textrnn.config import Config
from textrnn.layers.cells import CELLS, Carry
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import Linear, matmul

Past = tuple[Carry, ...]
"""The carry of each layer."""


class GeneratorConfig(Config):
    embedding: EmbeddingConfig = EmbeddingConfig()
    encoder: EncoderConfig = EncoderConfig(bidirectional=False)
    tied: bool = False
    """Whether the embedding is the table of outputs too (Press and Wolf 2017); a linear map brings
    the state to its width."""

    @field_validator("encoder", mode="before")
    @classmethod
    def _forward(cls, encoder: object) -> object:
        return {"bidirectional": False, **encoder} if isinstance(encoder, dict) else encoder

    @field_validator("encoder")
    @classmethod
    def _one_way(cls, encoder: EncoderConfig) -> EncoderConfig:
        if encoder.bidirectional:
            raise ValueError("what predicts the next token cannot read backward from behind it")
        return encoder

    def past(self, rows: int) -> Past:
        """Of rows that have read nothing."""
        carries = CELLS[self.encoder.cell].carries
        empty = jnp.zeros((rows, self.encoder.hidden))
        return ((empty,) * carries,) * self.encoder.layers


class Generator(nnx.Module):
    def __init__(self, config: GeneratorConfig, vocabulary: int, *, rngs: nnx.Rngs):
        self.config = config
        size, hidden = config.embedding.size, config.encoder.hidden
        self.embedding = Embedding(config.embedding, vocabulary, rngs=rngs)
        self.encoder = Encoder(config.encoder, size, rngs=rngs)
        self.output = Linear(hidden, size if config.tied else vocabulary, rngs=rngs)
        self.token_bias = nnx.Param(jnp.zeros(vocabulary)) if config.tied else None

    def __call__(
        self,
        ids: Int[Array, "rows time"],
        lengths: Int[Array, " rows"],
        past: Past,
        key: Array | None = None,
    ) -> tuple[Float[Array, "time rows ids"], Past]:
        """What may follow each token, and the past with these tokens. With a `key`, dropout is
        on."""
        h, past = self.states(ids, lengths, past, key)
        return self.logits(h), past

    def states(
        self,
        ids: Int[Array, "rows time"],
        lengths: Int[Array, " rows"],
        past: Past,
        key: Array | None = None,
    ) -> tuple[Float[Array, "time rows hidden"], Past]:
        """What the last layer says behind each token, and the past with these tokens."""
        keys = (None, None) if key is None else jax.random.split(key)
        x = self.embedding(ids, keys[0])
        h, carries = self.encoder(x, lengths, past, keys[1])
        return h, tuple(forward for (forward,) in carries)

    def logits(self, h: Float[Array, "*batch hidden"]) -> Float[Array, "*batch ids"]:
        logits = self.output(h)
        if self.token_bias is not None:
            logits = matmul(logits, self.embedding.table[...].T) + self.token_bias[...]
        return logits
