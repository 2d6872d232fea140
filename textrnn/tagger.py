"""The network that tags: words and their letters, a recurrent encoder, a CRF over the tags."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float
from pydantic import NonNegativeInt, PositiveInt

from textrnn import crf
from textrnn.characters import Characters, CharactersConfig
from textrnn.config import Config
from textrnn.embedding import Embedding, EmbeddingConfig
from textrnn.encoder import Encoder, EncoderConfig
from textrnn.linear import Linear
from textrnn.schemes import legal
from textrnn.text.casing import CASINGS


class SubwordsConfig(Config):
    buckets: NonNegativeInt = 0
    """Rows of the one table that all n-grams of all words share by their hash; 0: no subwords."""
    most: PositiveInt = 24
    """N-grams of a word that count."""


class TaggerConfig(Config):
    embedding: EmbeddingConfig = EmbeddingConfig()
    subwords: SubwordsConfig = SubwordsConfig()
    """The mean of a word's n-grams is added to its vector, which an unknown word has from them."""
    characters: CharactersConfig = CharactersConfig()
    casing: NonNegativeInt = 8
    """Size of the vector that says how a word is written; 0: none."""
    encoder: EncoderConfig = EncoderConfig(hidden=200)
    crf: bool = True
    """Whether tags depend on their neighbours, or each is chosen by itself."""


class Tagger(nnx.Module):
    def __init__(
        self,
        config: TaggerConfig,
        vocabulary: int,
        alphabet: int,
        tagset: Sequence[str],
        entities: bool,
        *,
        rngs: nnx.Rngs,
    ):
        self.config = config
        self.tagset, self.entities = tuple(tagset), entities
        count, letters, casing = len(tagset), config.characters, config.casing
        spelled = letters.kind != "none"
        self.embedding = Embedding(config.embedding, vocabulary, rngs=rngs)
        buckets = config.subwords.buckets
        self.subwords = _table(buckets, config.embedding.size, 0.1, rngs) if buckets else None
        self.characters = Characters(letters, alphabet, rngs=rngs) if spelled else None
        self.casing = _table(len(CASINGS) - 1, casing, 0.3, rngs) if casing else None
        size = config.embedding.size + spelled * letters.features + casing
        self.encoder = Encoder(config.encoder, size, rngs=rngs)
        self.output = Linear(config.encoder.width, count, rngs=rngs)
        self.first = nnx.Param(jnp.zeros(count)) if config.crf else None
        self.between = nnx.Param(jnp.zeros((count, count))) if config.crf else None
        self.last = nnx.Param(jnp.zeros(count)) if config.crf else None

    def __call__(
        self, batch: Mapping[str, Any], key: Array | None = None
    ) -> Float[Array, "time rows tags"]:
        """Emissions. With a `key`, dropout is on.

        `batch` holds [rows, time] `ids` and `casing`, [rows, time, letters] `letters`, [rows, time,
        n-grams] `ngrams`, as far as the config has use for them, and [rows] `lengths`.
        """
        words, letters, recurrent = (None,) * 3 if key is None else jax.random.split(key, 3)
        parts = [self.embedding(batch["ids"], words)]
        if self.subwords is not None:
            ngrams = batch["ngrams"].swapaxes(0, 1)
            real = (ngrams > 0)[..., None]
            total = jnp.where(real, self.subwords[...][ngrams], 0).sum(axis=2)
            parts[0] += total / jnp.maximum(real.sum(axis=2), 1)
        if self.characters is not None:
            parts.append(self.characters(batch["letters"].swapaxes(0, 1), letters))
        if self.casing is not None:
            parts.append(self.casing[...][batch["casing"].T])
        x = jnp.concatenate(parts, axis=-1)
        h, _ = self.encoder(x, batch["lengths"], key=recurrent)
        return self.output(h)

    def chain(self) -> crf.Chain:
        """The scores of tags by their neighbours, with what may not be forbidden."""
        chain = _allowed(self.tagset) if self.entities else _anything(len(self.tagset))
        if self.first is None or self.between is None or self.last is None:
            return chain
        learnt = (part[...].astype(jnp.float32) for part in (self.first, self.between, self.last))
        return crf.Chain(*(a + b for a, b in zip(learnt, chain, strict=True)))


def _table(numbers: int, size: int, scale: float, rngs: nnx.Rngs) -> nnx.Param:
    """Random vectors for 1 to `numbers`, and zeros for 0, which is padding."""
    table = scale * jax.random.normal(rngs.params(), (numbers + 1, size))
    return nnx.Param(table.at[0].set(0))


def _allowed(tagset: tuple[str, ...]) -> crf.Chain:
    first, between = legal(tagset)
    may = (first, between, between[:, 0])
    return crf.Chain(*(jnp.where(part, 0, crf.FORBIDDEN) for part in may))


def _anything(tags: int) -> crf.Chain:
    return crf.Chain(jnp.zeros(tags), jnp.zeros((tags, tags)), jnp.zeros(tags))
