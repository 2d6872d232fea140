"""The network that translates: one table of tokens, a recurrent encoder, an attentive decoder.

The table is tied in all three places: it embeds the source and the target and is the output layer
(Press and Wolf 2017).
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import Field

from textrnn.config import Config
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import matmul
from textrnn.tasks.translate.decoder import Decoder, DecoderConfig, Source, State
from textrnn.text.tokenizer import PAD


class TranslatorConfig(Config):
    embedding: EmbeddingConfig = EmbeddingConfig(size=256)
    encoder: EncoderConfig = EncoderConfig()
    decoder: DecoderConfig = DecoderConfig()
    blank: float = Field(default=0.0, ge=0, lt=1)
    """The share of tokens, of source and target, whose vectors training sets to zero. (UNK, which
    `embedding.word_dropout` would set, is what copied words are called.)"""


class Translator(nnx.Module):
    def __init__(self, config: TranslatorConfig, vocabulary: int, *, rngs: nnx.Rngs):
        self.config = config
        size, width = config.embedding.size, config.encoder.width
        self.embedding = Embedding(config.embedding, vocabulary, rngs=rngs)
        self.encoder = Encoder(config.encoder, size, rngs=rngs)
        self.decoder = Decoder(config.decoder, size, width, size, rngs=rngs)
        self.bias = nnx.Param(jnp.zeros(vocabulary))

    def begin(
        self, ids: Int[Array, "rows source"], lengths: Int[Array, " rows"], key: Array | None = None
    ) -> tuple[Source, State]:
        """Sources that were read, and the decoder's first state."""
        one, two = (None, None) if key is None else jax.random.split(key)
        memory, _ = self.encoder(self._embed(ids, one), lengths, key=two)
        return self.decoder.begin(memory, lengths)

    def step(
        self, source: Source, state: State, token: Int[Array, " hypotheses"]
    ) -> tuple[State, Float[Array, "hypotheses vocabulary"], Float[Array, "hypotheses source"]]:
        """After `token`: the state, the logits of what may follow, the weights of the attention."""
        x = self.decoder.project(self.embedding.table[...][token])
        state, output, weights = self.decoder.step(source, state, x)
        return state, self.logits(output), weights

    def __call__(
        self,
        ids: Int[Array, "rows source"],
        lengths: Int[Array, " rows"],
        target: Int[Array, "rows target"],
        key: Array | None = None,
    ) -> Float[Array, "target rows vocabulary"]:
        """Logits of what follows each token of targets that are given. With a `key`, dropout is
        on."""
        one, two, three = (None,) * 3 if key is None else jax.random.split(key, 3)
        source, state = self.begin(ids, lengths, one)
        return self.logits(self.decoder.unroll(source, state, self._embed(target, two), three))

    def logits(self, output: Float[Array, "*batch size"]) -> Float[Array, "*batch vocabulary"]:
        return matmul(output, self.embedding.table[...].T) + self.bias[...]

    def _embed(self, ids: Int[Array, "rows time"], key: Array | None) -> Array:
        if key is None:
            return self.embedding(ids)
        one, two = jax.random.split(key)
        x = self.embedding(ids, one)
        blank = jax.random.bernoulli(two, self.config.blank, ids.T.shape) & (ids.T != PAD)
        return jnp.where(blank[..., None], 0, x)
