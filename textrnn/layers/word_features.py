"""Word features: id, letters, character n-grams and casing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float
from pydantic import Field, NonNegativeInt

from textrnn.batching import Shape, ragged_array, ragged_ids
from textrnn.config import Config
from textrnn.layers.characters import Characters, CharactersConfig
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.parameters import initial
from textrnn.text import SpelledTokenizer, Tokenizer
from textrnn.text.casing import CASINGS, casing
from textrnn.text.ngrams import ngrams


class SubwordsConfig(Config):
    buckets: NonNegativeInt = 0
    """Rows of the hashed table of n-gram vectors (Bojanowski et al. 2017); 0 disables subwords."""
    most: int = Field(default=24, ge=1, le=1024)
    """Number of n-grams used per word."""


class SpellingConfig(Config):
    embedding: EmbeddingConfig = EmbeddingConfig()
    subwords: SubwordsConfig = SubwordsConfig()
    """The mean of a word's n-gram vectors is added to its own; an unknown word has no other."""
    characters: CharactersConfig = CharactersConfig()
    casing: NonNegativeInt = 8
    """Size of the casing vector; 0 disables it."""

    @property
    def width(self) -> int:
        """Number of features of a word."""
        letters = self.characters.features if self.characters.kind != "none" else 0
        return self.embedding.size + letters + self.casing


@dataclass(frozen=True)
class Spelled:
    """The words of a sentence, one entry each; None for features that the config does not use."""

    ids: np.ndarray
    letters: np.ndarray | None
    casing: np.ndarray | None
    ngrams: np.ndarray | None


class SpelledWords(nnx.Module):
    """Base of networks that read words with their spelling."""

    def __init__(self, config: SpellingConfig, tokenizer: Tokenizer, *, rngs: nnx.Rngs):
        letters, size, buckets = config.characters, config.embedding.size, config.subwords.buckets
        alphabet = len(tokenizer.letters) if isinstance(tokenizer, SpelledTokenizer) else 0
        spelled = letters.kind != "none"
        self.embedding = Embedding(config.embedding, len(tokenizer), rngs=rngs)
        self.subwords = _table(buckets, size, 0.1, rngs) if buckets else None
        self.characters = Characters(letters, alphabet, rngs=rngs) if spelled else None
        self.casing = _table(len(CASINGS) - 1, config.casing, 0.3, rngs) if config.casing else None

    def embed(
        self, batch: Mapping[str, Any], key: Array | None = None
    ) -> Float[Array, "tokens features"]:
        """The features of a batch as `collate` makes it. A `key` turns dropout on."""
        word_key, letter_key = (None, None) if key is None else jax.random.split(key)
        parts = [self.embedding(batch["ids"], batch["lengths"], word_key)]
        if self.subwords is not None:
            ngrams = batch["ngrams"]
            valid = (ngrams > 0)[..., None]
            total = jnp.where(valid, self.subwords[...][ngrams], 0).sum(axis=1)
            parts[0] += total / jnp.maximum(valid.sum(axis=1), 1)
        if self.characters is not None:
            parts.append(self.characters(batch["letters"], letter_key))
        if self.casing is not None:
            parts.append(self.casing[...][batch["casing"]])
        return jnp.concatenate(parts, axis=-1)


def spell(words: Sequence[str], tokenizer: SpelledTokenizer, config: SpellingConfig) -> Spelled:
    """The features of words, as far as `config` uses them."""
    letters, subwords = config.characters, config.subwords
    return Spelled(
        np.array(tokenizer.ids(words), np.int32),
        tokenizer.spell(words, letters.letters) if letters.kind != "none" else None,
        np.array([casing(word) for word in words], np.int32) if config.casing else None,
        ngrams(words, subwords.buckets, subwords.most) if subwords.buckets else None,
    )


def collate(rows: Sequence[Spelled], shape: Shape, config: SpellingConfig) -> dict[str, np.ndarray]:
    """A batch of `ids` and `casing` [tokens], `letters` [tokens, letters] and `ngrams`
    [tokens, n-grams], as far as the config uses them, and `lengths` [rows]."""
    batch: dict[str, Any] = {**ragged_ids([row.ids for row in rows], shape)}
    if config.characters.kind != "none":
        letters = [row.letters for row in rows if row.letters is not None]
        batch["letters"] = ragged_array(letters, shape.tokens, (config.characters.letters,))
    if config.casing:
        casings = [row.casing for row in rows if row.casing is not None]
        batch["casing"] = ragged_array(casings, shape.tokens)
    if config.subwords.buckets:
        ngrams = [row.ngrams for row in rows if row.ngrams is not None]
        batch["ngrams"] = ragged_array(ngrams, shape.tokens, (config.subwords.most,))
    return batch


def _table(entries: int, size: int, scale: float, rngs: nnx.Rngs) -> nnx.Param:
    """Random vectors for 1 to `entries`, and zeros for 0, which is padding."""
    table = scale * initial(jax.random.normal, rngs, (entries + 1, size))
    return nnx.Param(table.at[0].set(0))
