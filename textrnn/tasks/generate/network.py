"""A recurrent language model: from the tokens so far to the next one.

    ids      <s> R  O  M  E         past       the carry of each layer before these tokens
    logits    R  O  M  E  O         past       the carry of each layer after them

The past has a fixed size, however much was read, and reading a text in parts is equivalent to
reading it at once.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import field_validator

from textrnn.config import Config
from textrnn.layers.axes import BatchArray, Lengths
from textrnn.layers.cells.cell import Carry
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import Linear, matmul_transposed
from textrnn.layers.packing import Packable

Past = tuple[Carry, ...]
"""The carry of each layer."""


class GeneratorConfig(Config):
    embedding: EmbeddingConfig = EmbeddingConfig()
    encoder: EncoderConfig = EncoderConfig(bidirectional=False)
    tied: bool = False
    """Whether the embedding table is also the output layer (Press and Wolf 2017), after a linear
    map to its size."""

    @field_validator("encoder", mode="before")
    @classmethod
    def _default_direction(cls, encoder: object) -> object:
        return {"bidirectional": False, **encoder} if isinstance(encoder, dict) else encoder

    @field_validator("encoder")
    @classmethod
    def _unidirectional(cls, encoder: EncoderConfig) -> EncoderConfig:
        if encoder.bidirectional:
            raise ValueError("a generator needs a unidirectional encoder")
        return encoder

    def past(self, rows: int) -> Past:
        """The past of rows that have read nothing."""
        encoder = self.encoder
        return (encoder.cell.carry(rows, encoder.hidden),) * encoder.layers


class Generator(Packable):
    """Token ids and the past to logits of the next tokens and the new past."""

    def __init__(self, config: GeneratorConfig, vocabulary: int, *, rngs: nnx.Rngs):
        self.config = config
        size, hidden = config.embedding.size, config.encoder.hidden
        self.embedding = Embedding(config.embedding, vocabulary, rngs=rngs)
        self.encoder = Encoder(config.encoder, size, rngs=rngs)
        self.output = Linear(hidden, size if config.tied else vocabulary, rngs=rngs)
        self.token_bias = nnx.Param(jnp.zeros(vocabulary)) if config.tied else None

    def pack(self) -> None:
        self.output.pack()

    def __call__(
        self,
        ids: Int[BatchArray, " tokens"],
        lengths: Lengths,
        past: Past,
        key: Array | None = None,
    ) -> tuple[Float[Array, "tokens ids"], Past]:
        """Logits of the token after each token, and the new past. A `key` turns dropout on."""
        h, past = self.states(ids, lengths, past, key)
        return self.logits(h), past

    def states(
        self,
        ids: Int[BatchArray, " tokens"],
        lengths: Lengths,
        past: Past,
        key: Array | None = None,
    ) -> tuple[Float[Array, "tokens hidden"], Past]:
        """Outputs of the last layer after each token, and the new past."""
        keys = (None, None) if key is None else jax.random.split(key)
        x = self.embedding(ids, lengths, keys[0])
        h, carries = self.encoder(x, lengths, past, keys[1])
        return h, tuple(forward for (forward,) in carries)

    def logits(self, h: Float[Array, "*batch hidden"]) -> Float[Array, "*batch ids"]:
        """Logits of the next token, from outputs of the last layer."""
        logits = self.output(h)
        if self.token_bias is not None:
            logits = matmul_transposed(logits, self.embedding.table[...]) + self.token_bias[...]
        return logits
