"""The translation network: an embedding, a recurrent encoder and a decoder with attention.

One table embeds the source and the target and is the output layer (Press and Wolf 2017).
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import Field

from textrnn.config import Config
from textrnn.layers.axes import BatchArray, Lengths, TokenIds
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import matmul
from textrnn.tasks.translate.decoder import Decoder, DecoderConfig, DecoderState, EncodedSource
from textrnn.text.tokenizer import PAD


class TranslatorConfig(Config):
    embedding: EmbeddingConfig = EmbeddingConfig(size=256)
    encoder: EncoderConfig = EncoderConfig()
    decoder: DecoderConfig = DecoderConfig()
    blank: float = Field(default=0.0, ge=0, lt=1)
    """Share of source and target tokens whose vectors are zeroed in training. (Word dropout, which
    replaces tokens by UNK, does not fit here: UNK stands for a word to be copied.)"""


class Translator(nnx.Module):
    """Source ids and the target so far to logits of the next target token."""

    def __init__(self, config: TranslatorConfig, vocabulary: int, *, rngs: nnx.Rngs):
        self.config = config
        size, width = config.embedding.size, config.encoder.width
        self.embedding = Embedding(config.embedding, vocabulary, rngs=rngs)
        self.encoder = Encoder(config.encoder, size, rngs=rngs)
        self.decoder = Decoder(config.decoder, size, width, size, rngs=rngs)
        self.bias = nnx.Param(jnp.zeros(vocabulary))

    def begin(
        self, ids: Int[BatchArray, "rows source"], lengths: Lengths, key: Array | None = None
    ) -> tuple[EncodedSource, DecoderState]:
        """Encode the sources and initialise the decoder's state."""
        embedding_key, encoder_key = (None, None) if key is None else jax.random.split(key)
        memory, _ = self.encoder(self._embed(ids, embedding_key), lengths, key=encoder_key)
        return self.decoder.begin(memory, lengths)

    def step(
        self, source: EncodedSource, state: DecoderState, token: Int[BatchArray, " hypotheses"]
    ) -> tuple[DecoderState, Float[Array, "hypotheses ids"], Float[Array, "hypotheses source"]]:
        """Decode one token: the new state, the logits of the next token, the attention weights."""
        x = self.decoder.project(self.embedding.table[...][token])
        state, output, weights = self.decoder.step(source, state, x)
        return state, self.logits(output), weights

    def __call__(
        self,
        ids: Int[BatchArray, "rows source"],
        lengths: Lengths,
        target: Int[BatchArray, "rows target"],
        key: Array | None = None,
    ) -> Float[Array, "target rows ids"]:
        """Logits of the token after each token of `target`, under teacher forcing. A `key` turns
        dropout on."""
        keys = (None,) * 3 if key is None else jax.random.split(key, 3)
        source, state = self.begin(ids, lengths, keys[0])
        x = self._embed(target, keys[1])
        return self.logits(self.decoder.unroll(source, state, x, keys[2]))

    def logits(self, output: Float[Array, "*batch outputs"]) -> Float[Array, "*batch ids"]:
        """Logits of a decoder output, with the embedding table as output layer."""
        return matmul(output, self.embedding.table[...].T) + self.bias[...]

    def _embed(self, ids: TokenIds, key: Array | None) -> Float[Array, "time rows features"]:
        if key is None:
            return self.embedding(ids)
        embedding_key, blank_key = jax.random.split(key)
        x = self.embedding(ids, embedding_key)
        blank = jax.random.bernoulli(blank_key, self.config.blank, ids.T.shape) & (ids.T != PAD)
        return jnp.where(blank[..., None], 0, x)
