"""The tagging network: word features, a recurrent encoder and a CRF over the tags.

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
    """Whether a CRF scores neighbouring tags; otherwise each tag is predicted independently."""


class Tagger(SpelledWords):
    """Emission scores of tags for each word, with the transition scores of a CRF."""

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
    ) -> Float[Array, "tokens tags"]:
        """Emissions. A `key` turns dropout on."""
        word_key, encoder_key = (None, None) if key is None else jax.random.split(key)
        h, _ = self.encoder(self.embed(batch, word_key), batch["lengths"], key=encoder_key)
        return self.output(h)

    def chain(self) -> crf.TransitionScores:
        """The transition scores; those that break the tagging scheme are FORBIDDEN."""
        chain = _scheme_scores(self.tagset) if self.entities else _zero_scores(len(self.tagset))
        if self.first is None or self.between is None or self.last is None:
            return chain
        learned = (part[...].astype(jnp.float32) for part in (self.first, self.between, self.last))
        return crf.TransitionScores(*(a + b for a, b in zip(learned, chain, strict=True)))


def _scheme_scores(tagset: tuple[str, ...]) -> crf.TransitionScores:
    """0 for transitions that the scheme allows, FORBIDDEN for others."""
    start, transition = legal(tagset)
    allowed = (start, transition, transition[:, 0])
    return crf.TransitionScores(*(jnp.where(part, 0.0, crf.FORBIDDEN) for part in allowed))


def _zero_scores(tags: int) -> crf.TransitionScores:
    return crf.TransitionScores(jnp.zeros(tags), jnp.zeros((tags, tags)), jnp.zeros(tags))
