"""Word vectors: skip-gram with negative sampling (Mikolov et al. 2013).

Each word learns to distinguish its neighbours, up to `window` words away, from words drawn at
random. Near neighbours have more weight than far ones, and rare words more than frequent ones. The
vectors start the embedding of other tasks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import PositiveFloat, PositiveInt

from textrnn.batching import Shape, TokenBatch, ragged_ids
from textrnn.config import Config
from textrnn.layers.axes import BatchArray
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.layers.linear import matmul_transposed
from textrnn.layers.ragged import row_ids, sum_rows
from textrnn.tasks.metrics import LOG_LOSS
from textrnn.tasks.task import (
    Answer,
    Example,
    Metrics,
    Options,
    Outputs,
    Row,
    Task,
    encode,
    field,
)


class VectorsConfig(Config):
    embedding: EmbeddingConfig = EmbeddingConfig()
    window: PositiveInt = 5
    """Distance in words of the farthest neighbour."""
    negatives: PositiveFloat = 5.0
    """The weight of all negative words together, relative to one neighbour."""
    samples: PositiveInt = 256
    """Negative words drawn for a batch, shared by all its words."""
    frequent: PositiveFloat = 1e-4
    """Words with a larger share of the text are subsampled (t in the paper)."""


class WordVectors(nnx.Module):
    def __init__(self, config: VectorsConfig, vocabulary: int, *, rngs: nnx.Rngs):
        self.embedding = Embedding(config.embedding, vocabulary, rngs=rngs)
        self.context = nnx.Param(jnp.zeros((vocabulary, config.embedding.size)))
        """[vocabulary, size]; the vectors of words as neighbours."""


@dataclass(frozen=True, eq=False)
class Vectors(Task[VectorsConfig, Example, TokenBatch]):
    name = "vectors"
    answers_requests = False
    config_type = VectorsConfig
    options_type = Options
    pipeline_tag = "feature-extraction"
    metrics = (LOG_LOSS,)

    def build(self, rngs: nnx.Rngs) -> WordVectors:
        return WordVectors(self.config, len(self.tokenizer), rngs=rngs)

    def read(self, row: Row, options: Options, gold: bool = False) -> Example:
        ids, truncated = encode(self, field(row, "text"), options.truncate)
        return Example(ids, truncated)

    def collate(self, windows: Sequence[Example], shape: Shape) -> TokenBatch:
        return ragged_ids([window.ids for window in windows], shape)

    def loss(
        self, model: WordVectors, batch: TokenBatch, key: Array
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        losses, weights = self._losses(model, batch, key)
        return losses.sum(), weights.sum()

    def predict(self, model: WordVectors, batch: TokenBatch) -> Outputs:
        losses, weights = self._losses(model, batch, jax.random.key(0))
        return Outputs({"losses": losses, "weights": weights})

    def answer(self, outputs: Sequence[Outputs], example: Example) -> Answer:
        (output,) = outputs
        arrays = output.rows
        loss = float(arrays["losses"] / np.maximum(arrays["weights"], 1e-6))
        answer = {"log_loss": loss, "weight": float(arrays["weights"])}
        return answer | ({"truncated": True} if example.truncated else {})

    def columns(self, options: Any) -> dict[str, Any]:
        return {"log_loss": float, "weight": float} | (
            {"truncated": bool} if options.truncate else {}
        )

    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        total = sum(answer["weight"] for answer in answers)
        return {"log_loss": sum(a["log_loss"] * a["weight"] for a in answers) / total}

    def _losses(
        self, model: WordVectors, batch: TokenBatch, key: Array
    ) -> tuple[Float[Array, " rows"], Float[Array, " rows"]]:
        """For each row the sum of the losses of its pairs of neighbours, and of their weights."""
        ids, lengths = batch["ids"], batch["lengths"]
        words = model.embedding.table[...][ids]
        neighbours = model.context[...][ids]
        row = row_ids(lengths, len(ids))
        keep = jnp.where(row < len(lengths), self._keep(ids), 0)
        losses, weights = jnp.zeros(ids.shape), jnp.zeros(ids.shape)
        for distance in range(1, min(self.config.window, len(ids) - 1) + 1):
            near = (self.config.window + 1 - distance) / self.config.window
            left, right = slice(None, -distance), slice(distance, None)
            weight = near * keep[left] * keep[right] * (row[left] == row[right])
            for word, neighbour in ((left, right), (right, left)):
                logits = (words[word] * neighbours[neighbour]).sum(axis=-1)
                losses = losses.at[word].add(weight * jax.nn.softplus(-logits))
                weights = weights.at[word].add(weight)
        negative = matmul_transposed(words, model.context[...][self._draw(key)])
        share = self.config.negatives / self.config.samples
        losses += weights * share * jax.nn.softplus(negative).sum(axis=-1)
        return sum_rows(losses, lengths), sum_rows(weights, lengths)

    def _keep(self, ids: Int[BatchArray, " tokens"]) -> Float[Array, " tokens"]:
        """The probability of keeping each word when frequent ones are subsampled. By Zipf's law,
        the share of the n-th most frequent of V words is 1 / (n ln V)."""
        share = 1 / ((ids + 1) * np.log(len(self.tokenizer)))
        return jnp.minimum(1, jnp.sqrt(self.config.frequent / share))

    def _draw(self, key: Array) -> Int[Array, " samples"]:
        """Words drawn by their frequency to the power of 3/4, as in the paper: by Zipf's law, the
        cumulative probability of the n most frequent of V words is (n / V) ** (1/4)."""
        uniform = jax.random.uniform(key, (self.config.samples,))
        return jnp.floor(uniform**4 * len(self.tokenizer)).astype(jnp.int32)
