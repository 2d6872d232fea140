"""The network that tags: words as they are spelled, a recurrent encoder, a CRF over the tags.

Lample et al. 2016; Ma and Hovy 2016.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import Linear
from textrnn.layers.word_features import SpelledWords, SpellingConfig
from textrnn.tasks.tag import crf
from textrnn.tasks.tag.schemes import legal
from textrnn.text import SpelledTokenizer


class TaggerConfig(SpellingConfig):
    encoder: EncoderConfig = EncoderConfig(hidden=200)
    crf: bool = True
    """Whether tags depend on their neighbours, or each is chosen by itself."""


class Tagger(SpelledWords):
    def __init__(
        self,
        config: TaggerConfig,
        tokenizer: SpelledTokenizer,
        tagset: Sequence[str],
        entities: bool,
        *,
        rngs: nnx.Rngs,
    ):
        super().__init__(config, tokenizer, rngs=rngs)
        self.tagset, self.entities, count = tuple(tagset), entities, len(tagset)
        self.encoder = Encoder(config.encoder, config.width, rngs=rngs)
        self.output = Linear(config.encoder.width, count, rngs=rngs)
        self.first = nnx.Param(jnp.zeros(count)) if config.crf else None
        self.between = nnx.Param(jnp.zeros((count, count))) if config.crf else None
        self.last = nnx.Param(jnp.zeros(count)) if config.crf else None

    def __call__(
        self, batch: Mapping[str, Any], key: Array | None = None
    ) -> Float[Array, "time rows tags"]:
        """Emissions. With a `key`, dropout is on."""
        words, recurrent = (None, None) if key is None else jax.random.split(key)
        h, _ = self.encoder(self.embed(batch, words), batch["lengths"], key=recurrent)
        return self.output(h)

    def chain(self) -> crf.TransitionScores:
        """The scores of tags by their neighbours, with what may not be forbidden."""
        chain = _allowed(self.tagset) if self.entities else _anything(len(self.tagset))
        if self.first is None or self.between is None or self.last is None:
            return chain
        learnt = (part[...].astype(jnp.float32) for part in (self.first, self.between, self.last))
        return crf.TransitionScores(*(a + b for a, b in zip(learnt, chain, strict=True)))


def _allowed(tagset: tuple[str, ...]) -> crf.TransitionScores:
    first, between = legal(tagset)
    may = (first, between, between[:, 0])
    return crf.TransitionScores(*(jnp.where(part, 0, crf.FORBIDDEN) for part in may))


def _anything(tags: int) -> crf.TransitionScores:
    return crf.TransitionScores(jnp.zeros(tags), jnp.zeros((tags, tags)), jnp.zeros(tags))
