"""The translation network: an embedding, a recurrent encoder and a decoder with attention.

One table embeds the source and the target and is the output layer (Press and Wolf 2017).
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import Field

from textrnn.config import Config
from textrnn.layers.attention import EncodedSource
from textrnn.layers.axes import BatchArray, Lengths
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import matmul_transposed
from textrnn.tasks.translate.decoder import Decoder, DecoderConfig, DecoderState
from textrnn.tasks.translate.next_tokens import SPECIAL, FactoredLogits
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
        self,
        ids: Int[BatchArray, " tokens"],
        lengths: Lengths,
        longest: int,
        key: Array | None = None,
    ) -> tuple[EncodedSource, DecoderState]:
        """Encode the sources and initialise the decoder's state. `longest` is a static upper bound
        of the lengths."""
        embedding_key, encoder_key = (None, None) if key is None else jax.random.split(key)
        x = self._embed(ids, lengths, embedding_key)
        memory, _ = self.encoder(x, lengths, key=encoder_key)
        return self.decoder.begin(memory, lengths, longest)

    def step(
        self,
        source: EncodedSource,
        state: DecoderState,
        token: Int[BatchArray, " hypotheses"],
        counts: Int[Array, " rows"],
    ) -> tuple[DecoderState, FactoredLogits, Float[Array, "tokens queries"]]:
        """Decode one token: the new state, the logits of the next token, the attention weights.
        Hypotheses are a ragged batch with `counts` of each row."""
        table = self.embedding.table[...]
        state, output, weights = self.decoder.step(source, state, table[token], counts)
        special = jnp.zeros((len(output), SPECIAL))
        return state, FactoredLogits(output, table, self.bias[...], special), weights

    def __call__(
        self,
        ids: Int[BatchArray, " tokens"],
        lengths: Lengths,
        target: Int[BatchArray, "rows target"],
        key: Array | None = None,
    ) -> Float[Array, "target rows ids"]:
        """Logits of the token after each token of `target`, under teacher forcing. No source is
        longer than the target axis. A `key` turns dropout on."""
        keys = (None,) * 3 if key is None else jax.random.split(key, 3)
        rows, longest = target.shape
        source, state = self.begin(ids, lengths, longest, keys[0])
        x = self._embed(target.reshape(-1), jnp.full(rows, longest), keys[1])
        x = x.reshape(rows, longest, -1).swapaxes(0, 1)
        return self.logits(self.decoder.unroll(source, state, x, keys[2]))

    def logits(self, output: Float[Array, "*batch outputs"]) -> Float[Array, "*batch ids"]:
        """Logits of a decoder output, with the embedding table as output layer."""
        return matmul_transposed(output, self.embedding.table[...]) + self.bias[...]

    def _embed(
        self, ids: Int[BatchArray, " tokens"], lengths: Lengths, key: Array | None
    ) -> Float[Array, "tokens features"]:
        if key is None:
            return self.embedding(ids, lengths)
        embedding_key, blank_key = jax.random.split(key)
        x = self.embedding(ids, lengths, embedding_key)
        blank = jax.random.bernoulli(blank_key, self.config.blank, ids.shape) & (ids != PAD)
        return jnp.where(blank[:, None], 0, x)
