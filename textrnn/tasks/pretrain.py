"""Pretrain: a language model in both directions over raw text, whose layers start other tasks.

The forward stack predicts each next token and the backward stack each previous one, so a token is
predicted from what lies on one side of it (Peters et al. 2018; Dai and Le 2015). The embedding is
also the output table (Press and Wolf 2017).

    ids        <s>  a   good  film  </s>
    forward     a  good film  </s>   -
    backward    -   <s>   a   good  film
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import PositiveInt

from textrnn.batching import Shape
from textrnn.config import Config
from textrnn.embedding import Embedding, EmbeddingConfig
from textrnn.encoder import Encoder, EncoderConfig
from textrnn.errors import UserError
from textrnn.linear import Linear, matmul
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


class PretrainConfig(Config):
    embedding: EmbeddingConfig = EmbeddingConfig()
    encoder: EncoderConfig = EncoderConfig(joined=False)
    samples: PositiveInt = 2048
    """Wrong words that training compares each right word with, drawn anew for each batch."""


class LanguageModel(nnx.Module):
    def __init__(self, config: PretrainConfig, vocabulary: int, *, rngs: nnx.Rngs):
        size, hidden = config.embedding.size, config.encoder.hidden
        self.embedding = Embedding(config.embedding, vocabulary, rngs=rngs)
        self.encoder = Encoder(config.encoder, size, rngs=rngs)
        self.forward_output = Linear(hidden, size, rngs=rngs)
        self.backward_output = Linear(hidden, size, rngs=rngs)
        self.word_bias = nnx.Param(jnp.zeros(vocabulary))

    def __call__(
        self, ids: Int[Array, "rows time"], lengths: Int[Array, " rows"], key: Array | None = None
    ) -> tuple[Float[Array, "pairs features"], Int[Array, " pairs"], Float[Array, " pairs"]]:
        """For each pair of neighbours and each direction: what to compare with the table of
        words, the word that comes, and whether there is one (1) or padding (0)."""
        keys = (None, None) if key is None else jax.random.split(key)
        h, _ = self.encoder(self.embedding(ids, keys[0]), lengths, key=keys[1])
        ahead, behind = jnp.split(h, 2, axis=-1)
        states = jnp.stack([self.forward_output(ahead[:-1]), self.backward_output(behind[1:])])
        ids = ids.T
        real = jnp.arange(1, ids.shape[0])[:, None] < lengths
        return (
            states.reshape(-1, states.shape[-1]),
            jnp.stack([ids[1:], ids[:-1]]).reshape(-1),
            jnp.stack([real, real]).reshape(-1).astype(jnp.float32),
        )


class Pretrain(Task):
    name = "pretrain"
    config_type = PretrainConfig
    options_type = Options
    config: PretrainConfig

    @classmethod
    def fit(cls, config, tokenizer, buckets, rows):
        if config.encoder.joined or not config.encoder.bidirectional:
            raise UserError(
                "pretraining needs an encoder that is bidirectional and not joined: where layers "
                "see both directions, a word is seen before it is predicted"
            )
        return cls(config, tokenizer, buckets)

    def build(self, rngs):
        return LanguageModel(self.config, len(self.tokenizer), rngs=rngs)

    def read(self, row, options, gold=False):
        ids, truncated = encode(self, field(row, "text"), options.truncate)
        return Example(ids, truncated)

    def collate(self, examples: Sequence[Example], shape: Shape) -> Batch:
        return pad_ids(examples, shape)

    def loss(self, model: LanguageModel, batch, key):
        """Softmax over the right word and a sample of others, weighted by how often each is drawn,
        which estimates the sum over all words (Bengio and Senecal 2008)."""
        sampling, dropping = jax.random.split(key)
        states, words, real = model(batch["ids"], batch["lengths"], dropping)
        table, bias = model.embedding.table[...], model.word_bias[...]
        vocabulary, count = len(self.tokenizer), self.config.samples
        # Words are numbered by frequency, so this draws them about as often as they occur.
        drawn = jnp.exp(jax.random.uniform(sampling, (count,)) * jnp.log(vocabulary + 1.0))
        drawn = jnp.clip(drawn.astype(jnp.int32) - 1, 0, vocabulary - 1)
        expected_draws = count * jnp.log1p(1 / (drawn + 1.0)) / jnp.log(vocabulary + 1.0)
        right = (states * table[words].astype(states.dtype)).sum(axis=-1) + bias[words]
        wrong = matmul(states, table[drawn].T) + (bias[drawn] - jnp.log(expected_draws))
        wrong = jnp.where(drawn == words[:, None], -1e9, wrong)
        losses = jax.nn.logsumexp(jnp.concatenate([right[:, None], wrong], axis=1), axis=1) - right
        return (losses * real).sum(), real.sum()

    def predict(self, model: LanguageModel, batch):
        """The log-likelihood of each row and the words it sums over, both directions together."""
        states, words, real = model(batch["ids"], batch["lengths"])
        table, bias = model.embedding.table[...], model.word_bias[...]

        def step(_, chunk):
            states, words = chunk
            logits = matmul(states, table.T) + bias
            right = jnp.take_along_axis(logits, words[:, None], axis=1)[:, 0]
            return None, right - jax.nn.logsumexp(logits, axis=1)

        time = batch["ids"].shape[1] - 1
        chunks = (states.reshape(2 * time, -1, states.shape[-1]), words.reshape(2 * time, -1))
        _, likelihoods = jax.lax.scan(step, None, chunks)
        real = real.reshape(2 * time, -1)
        return {"log_likelihood": (likelihoods * real).sum(axis=0), "words": real.sum(axis=0)}

    def answer(self, outputs, example) -> Answer:
        (arrays,) = outputs
        answer = {name: float(value) for name, value in arrays.items()}
        answer["perplexity"] = float(np.exp(-answer["log_likelihood"] / answer["words"]))
        return answer | ({"truncated": True} if example.truncated else {})

    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        words = sum(answer["words"] for answer in answers)
        likelihood = sum(answer["log_likelihood"] for answer in answers)
        return {"perplexity": float(np.exp(-likelihood / words))}
