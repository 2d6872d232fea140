"""The classification network: embedding, recurrent encoder, pooling over time, linear layer."""

from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import Field

from textrnn.config import Config
from textrnn.layers.axes import BatchArray, Lengths
from textrnn.layers.dropout import dropout
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import Linear
from textrnn.layers.masking import MASKED
from textrnn.layers.ngrams import NgramConfig, NgramEmbedding
from textrnn.layers.ragged import last_tokens, max_rows, row_starts, spread, sum_rows
from textrnn.text import SPECIALS, UNK

StatePooling = Literal["max", "mean", "last", "attention"]
Pooling = StatePooling | Literal["sif"]
_FREQUENT = 1e-4
"""The frequency of a word that gets half of the weight of a very rare one."""
_FIRST = 0.1
"""About the frequency of the most frequent word, to which Zipf's law relates all others."""


class ClassifierConfig(Config):
    embedding: EmbeddingConfig = EmbeddingConfig()
    ngrams: NgramConfig | None = None
    """Vectors of the n-grams that end at each token, beside its own vector."""
    encoder: EncoderConfig = EncoderConfig()
    pooling: tuple[Pooling, ...] = ("max", "mean")
    """How the outputs of all positions are reduced to one vector; several are concatenated. `sif`
    is the mean of the inputs of the encoder, weighted by smooth inverse frequency (Arora et al.
    2017), with an output layer of its own, `word_output`: where there are few rows, rare words say
    more than their order."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout of the pooled vector."""


class Classifier(nnx.Module):
    """Token ids to one logit for each label."""

    def __init__(self, config: ClassifierConfig, vocabulary: int, labels: int, *, rngs: nnx.Rngs):
        self.config = config
        width = config.encoder.width
        self.embedding = Embedding(config.embedding, vocabulary, rngs=rngs)
        self.ngrams = None if config.ngrams is None else NgramEmbedding(config.ngrams, rngs=rngs)
        inputs = config.embedding.size + (0 if config.ngrams is None else config.ngrams.size)
        self.encoder = Encoder(config.encoder, inputs, rngs=rngs)
        self.attention = Linear(width, 1, rngs=rngs) if "attention" in config.pooling else None
        states = width * sum(kind != "sif" for kind in config.pooling)
        self.output = Linear(states, labels, rngs=rngs) if states else None
        # A layer of its own, so that words can learn faster than states.
        self.word_output = Linear(inputs, labels, rngs=rngs) if "sif" in config.pooling else None

    def __call__(
        self, ids: Int[BatchArray, " tokens"], lengths: Lengths, key: Array | None = None
    ) -> Float[Array, "rows labels"]:
        """Logits. A `key` turns dropout on."""
        embedding_key, rest = (None, None) if key is None else jax.random.split(key)
        return self.logits_from_embeddings(self.embed(ids, lengths, embedding_key), lengths, rest)

    def embed(
        self, ids: Int[BatchArray, " tokens"], lengths: Lengths, key: Array | None = None
    ) -> Float[Array, "tokens features"]:
        """What the encoder reads: the vector of each token, and those of its n-grams. With the
        pooling `sif`, the last feature is the weight of the token."""
        parts = [self.embedding(ids, lengths, key)]
        if self.ngrams is not None:
            ngram_key = None if key is None else jax.random.fold_in(key, 1)
            parts.append(self.ngrams(ids, lengths, ngram_key))
        if "sif" in self.config.pooling:
            parts.append(_inverse_frequency(jnp.asarray(ids))[:, None])
        return jnp.concatenate(parts, axis=-1)

    def unknown(self) -> Float[Array, " features"]:
        """What the encoder reads for a token of which nothing is known."""
        vector = self.embedding.table[...][UNK]
        if self.config.ngrams is not None:
            vector = jnp.pad(vector, (0, self.config.ngrams.size))
        if "sif" in self.config.pooling:
            vector = jnp.append(vector, _inverse_frequency(jnp.asarray(UNK)))
        return vector

    def logits_from_embeddings(
        self,
        x: Float[Array, "tokens features"],
        lengths: Lengths,
        key: Array | None = None,
    ) -> Float[Array, "rows labels"]:
        """Logits of embedded texts, which may be no token's embedding, as in an attribution."""
        keys = (None,) * 3 if key is None else jax.random.split(key, 3)
        logits = jnp.zeros(())
        if self.word_output is not None:
            x, weights = x[:, :-1], x[:, -1:]
            logits += self.word_output(self._drop(_weighted_mean(x, weights, lengths), keys[2]))
        if self.output is not None:
            h, _ = self.encoder(x, lengths, key=keys[0])
            kinds: list[StatePooling] = [kind for kind in self.config.pooling if kind != "sif"]
            pooled = jnp.concatenate([self._pool(kind, h, lengths) for kind in kinds], axis=-1)
            logits += self.output(self._drop(pooled, keys[1]))
        return logits

    def _drop(
        self, pooled: Float[Array, "rows features"], key: Array | None
    ) -> Float[Array, "rows features"]:
        return pooled if key is None else dropout(pooled, self.config.dropout, key)

    def _pool(
        self, kind: StatePooling, h: Float[Array, "tokens features"], lengths: Lengths
    ) -> Float[Array, "rows features"]:
        match kind:
            case "max":
                return max_rows(h, lengths, MASKED)
            case "mean":
                return sum_rows(h, lengths) / jnp.maximum(lengths, 1)[:, None]
            case "last":
                return self._last(h, lengths)
            case "attention":
                assert self.attention is not None
                scores = self.attention(h)
                highest = spread(max_rows(scores, lengths, 0.0), lengths, len(h))
                weights = jnp.exp(scores - highest)
                total = jnp.maximum(sum_rows(weights, lengths), 1e-30)
                return sum_rows(weights * h, lengths) / total

    def _last(
        self, h: Float[Array, "tokens features"], lengths: Lengths
    ) -> Float[Array, "rows features"]:
        """The last output of each direction: at the last token forward, at the first backward."""
        ends = last_tokens(h, lengths)
        if not self.config.encoder.bidirectional:
            return ends
        half = self.config.encoder.hidden
        starts = h.at[row_starts(lengths)].get(mode="clip")
        return jnp.concatenate([ends[:, :half], starts[:, half:]], axis=-1)


def _inverse_frequency(ids: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
    """The weight a / (a + p) of each token, from 0 to 1. The vocabulary is sorted by frequency, of
    which Zipf's law gives p. UNK is a rare word; the other special tokens have no weight."""
    rank = jnp.maximum(ids - len(SPECIALS) + 1, 0)
    weight = _FREQUENT / (_FREQUENT + _FIRST / jnp.maximum(rank, 1))
    return jnp.where(ids == UNK, 1.0, jnp.where(rank > 0, weight, 0.0))


def _weighted_mean(
    x: Float[Array, "tokens features"], weights: Float[Array, "tokens 1"], lengths: Lengths
) -> Float[Array, "rows features"]:
    """The weighted mean of each row, scaled to a mean square of 1."""
    mean = sum_rows(x * weights, lengths) / jnp.maximum(sum_rows(weights, lengths), 1e-6)
    return mean * jax.lax.rsqrt((mean**2).mean(axis=-1, keepdims=True) + 1e-6)
