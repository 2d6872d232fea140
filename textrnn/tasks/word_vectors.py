"""Vectors: words that stand near the same words get vectors near each other.

Skip-gram with negative sampling (Mikolov et al. 2013). Each word is to tell its neighbours, up to
`window` words away, from words drawn at random; near neighbours count more than far ones, and
frequent words less than rare ones. The vectors start the embedding of other tasks.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import PositiveFloat, PositiveInt

from textrnn.batching import Shape
from textrnn.config import Config
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.layers.linear import matmul
from textrnn.tasks.metrics import LOG_LOSS
from textrnn.tasks.task import (
    Answer,
    Batch,
    Example,
    Metrics,
    Options,
    Row,
    Task,
    encode,
    field,
    pad_ids,
)


class VectorsConfig(Config):
    embedding: EmbeddingConfig = EmbeddingConfig()
    window: PositiveInt = 5
    """The farthest neighbour that counts."""
    negatives: PositiveFloat = 5.0
    """What wrong words weigh together beside one right neighbour."""
    samples: PositiveInt = 256
    """Wrong words drawn for a batch; all its words share them."""
    frequent: PositiveFloat = 1e-4
    """A word whose share of the text is above this counts as if it had been left out at random
    until its share was nearer (t in the paper)."""


class WordVectors(nnx.Module):
    def __init__(self, config: VectorsConfig, vocabulary: int, *, rngs: nnx.Rngs):
        self.embedding = Embedding(config.embedding, vocabulary, rngs=rngs)
        self.context = nnx.Param(jnp.zeros((vocabulary, config.embedding.size)))
        """The vector of a word where it is a neighbour."""


class Vectors(Task):
    name = "vectors"
    config_type = VectorsConfig
    options_type = Options
    pipeline_tag = "feature-extraction"
    metrics = (LOG_LOSS,)
    config: VectorsConfig

    def build(self, rngs):
        return WordVectors(self.config, len(self.tokenizer), rngs=rngs)

    def read(self, row, options, gold=False):
        ids, truncated = encode(self, field(row, "text"), options.truncate)
        return Example(ids, truncated)

    def collate(self, examples: Sequence[Example], shape: Shape) -> Batch:
        return pad_ids(examples, shape)

    def loss(self, model, batch, key):
        losses, weights = self._losses(model, batch, key)
        return losses.sum(), weights.sum()

    def predict(self, model, batch):
        losses, weights = self._losses(model, batch, jax.random.key(0))
        return {"losses": losses, "weights": weights}

    def answer(self, outputs, example) -> Answer:
        (arrays,) = outputs
        loss = float(arrays["losses"] / np.maximum(arrays["weights"], 1e-6))
        answer = {"log_loss": loss, "weight": float(arrays["weights"])}
        return answer | ({"truncated": True} if example.truncated else {})

    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        total = sum(answer["weight"] for answer in answers)
        return {"log_loss": sum(a["log_loss"] * a["weight"] for a in answers) / total}

    def _losses(
        self, model: WordVectors, batch: Batch, key: Array
    ) -> tuple[Float[Array, " rows"], Float[Array, " rows"]]:
        """For each row the loss of its pairs of neighbours, and what these weigh."""
        ids, lengths = batch["ids"], batch["lengths"]
        words = model.embedding.table[...][ids]
        neighbours = model.context[...][ids]
        real = jnp.arange(ids.shape[1]) < lengths[:, None]
        keep = jnp.where(real, self._keep(ids), 0)
        losses, weights = jnp.zeros(ids.shape), jnp.zeros(ids.shape)
        for distance in range(1, min(self.config.window, ids.shape[1] - 1) + 1):
            near = (self.config.window + 1 - distance) / self.config.window
            left, right = slice(None, -distance), slice(distance, None)
            weight = near * keep[:, left] * keep[:, right]
            for here, there in ((left, right), (right, left)):
                logits = (words[:, here] * neighbours[:, there]).sum(axis=-1)
                losses = losses.at[:, here].add(weight * jax.nn.softplus(-logits))
                weights = weights.at[:, here].add(weight)
        wrong = matmul(words, model.context[...][self._draw(key)].T)
        share = self.config.negatives / self.config.samples
        losses += weights * share * jax.nn.softplus(wrong).sum(axis=-1)
        return losses.sum(axis=1), weights.sum(axis=1)

    def _keep(self, ids: Int[np.ndarray, "rows time"]) -> Float[Array, "rows time"]:
        """The chance that a word is not left out. The share of the n-th most frequent word is taken
        to be 1 / (n ln V), as Zipf's law has it."""
        share = 1 / ((ids + 1) * np.log(len(self.tokenizer)))
        return jnp.minimum(1, jnp.sqrt(self.config.frequent / share))

    def _draw(self, key: Array) -> Int[Array, " samples"]:
        """Words by their frequency to the power of 3/4, as the paper has it: for Zipf's law the
        n-th is drawn where a uniform number lies at (n / V) ** (1/4)."""
        uniform = jax.random.uniform(key, (self.config.samples,))
        return jnp.floor(uniform**4 * len(self.tokenizer)).astype(jnp.int32)
