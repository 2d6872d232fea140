"""Pretraining: a bidirectional language model on raw text, whose layers start other tasks.

The forward stack predicts each next token and the backward stack each previous one, so a token is
predicted from what lies on one side of it (Peters et al. 2018; Dai and Le 2015). The embedding is
also the output table (Press and Wolf 2017). Letters and casing of words may be features too.

    ids        <s>  a   good  film  </s>
    forward     a  good film  </s>   -
    backward    -   <s>   a   good  film
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NotRequired, Self, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import NonNegativeInt, PositiveInt

from textrnn.batching import Limits, Shape, TokenBatch
from textrnn.errors import UserError
from textrnn.layers.characters import CharactersConfig
from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import Linear, matmul_transposed
from textrnn.layers.losses import token_cross_entropy
from textrnn.layers.masking import MASKED
from textrnn.layers.ragged import row_ids, sum_rows
from textrnn.layers.word_features import Spelled, SpelledWords, SpellingConfig, collate, spell
from textrnn.tasks.metrics import Metric
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
from textrnn.text import SpelledTokenizer, Tokenizer
from textrnn.text.treebank import treebank_tokens

_AT_ONCE = 256
"""Pairs whose logits are computed at once."""


class PretrainConfig(SpellingConfig):
    characters: CharactersConfig = CharactersConfig(kind="none")
    casing: NonNegativeInt = 0
    """Size of the vector that encodes the letter case of a word. 0 disables it."""
    encoder: EncoderConfig = EncoderConfig(joined=False)
    samples: PositiveInt = 2048
    """Negative words that each right word is compared with, drawn anew for each batch."""


class LanguageModel(SpelledWords):
    def __init__(self, config: PretrainConfig, tokenizer: Tokenizer, *, rngs: nnx.Rngs):
        super().__init__(config, tokenizer, rngs=rngs)
        size, hidden = config.embedding.size, config.encoder.hidden
        self.encoder = Encoder(config.encoder, config.width, rngs=rngs)
        self.forward_output = Linear(hidden, size, rngs=rngs)
        self.backward_output = Linear(hidden, size, rngs=rngs)
        self.word_bias = nnx.Param(jnp.zeros(len(tokenizer)))

    def __call__(
        self, batch: Mapping[str, Any], key: Array | None = None
    ) -> tuple[Float[Array, "pairs features"], Int[Array, " pairs"], Float[Array, " pairs"]]:
        """For each pair of neighbours and each direction: the vector to compare with the embedding
        of all words, the word to predict, and 1 for a real pair or 0 for padding."""
        keys = (None, None) if key is None else jax.random.split(key)
        lengths, ids = batch["lengths"], batch["ids"]
        h, _ = self.encoder(self.embed(batch, keys[0]), lengths, key=keys[1])
        ahead, behind = jnp.split(h, 2, axis=-1)
        states = jnp.stack([self.forward_output(ahead[:-1]), self.backward_output(behind[1:])])
        row = row_ids(lengths, len(ids))
        real = (row[1:] == row[:-1]) & (row[1:] < len(lengths))
        return (
            states.reshape(-1, states.shape[-1]),
            jnp.stack([ids[1:], ids[:-1]]).reshape(-1),
            jnp.stack([real, real]).reshape(-1).astype(jnp.float32),
        )


@dataclass(frozen=True)
class PretrainExample(Example):
    spelled: Spelled


class PretrainBatch(TokenBatch):
    casing: NotRequired[Int[Any, " tokens"]]
    letters: NotRequired[Int[Any, "tokens letters"]]
    ngrams: NotRequired[Int[Any, "tokens ngrams"]]


@dataclass(frozen=True, eq=False)
class Pretrain(Task[PretrainConfig, PretrainExample, PretrainBatch]):
    name = "pretrain"
    answers_requests = False
    config_type = PretrainConfig
    options_type = Options
    pipeline_tag = "feature-extraction"
    metrics = (Metric("perplexity", "perplexity", lower_is_better=True),)

    @classmethod
    def fit(
        cls, config: PretrainConfig, tokenizer: Tokenizer, limits: Limits, rows: Sequence[Row]
    ) -> Self:
        if config.encoder.joined or not config.encoder.bidirectional:
            raise UserError(
                "pretraining needs an encoder that is bidirectional and not joined: where layers "
                "see both directions, a word is seen before it is predicted"
            )
        spelled = config.casing or config.subwords.buckets or config.characters.kind != "none"
        if spelled and not isinstance(tokenizer, SpelledTokenizer):
            raise UserError(
                f"letters and casing need the tokenizer 'spelled', this one is {tokenizer.kind!r}"
            )
        return cls(config, tokenizer, limits)

    def build(self, rngs: nnx.Rngs) -> LanguageModel:
        return LanguageModel(self.config, self.tokenizer, rngs=rngs)

    def read(self, row: Row, options: Options, gold: bool = False) -> PretrainExample:
        text = field(row, "text")
        ids, truncated = encode(self, text, options.truncate)
        spelled = Spelled(ids, None, None, None)
        if isinstance(self.tokenizer, SpelledTokenizer):
            normal = self.tokenizer.normalization.apply(text).text
            words = [normal[start:end] for start, end in treebank_tokens(normal)][: len(ids) - 2]
            spelled = spell(["", *words, ""], self.tokenizer, self.config)
            spelled = replace(spelled, ids=ids)
        return PretrainExample(ids, truncated, spelled)

    def collate(self, windows: Sequence[PretrainExample], shape: Shape) -> PretrainBatch:
        batch = collate([window.spelled for window in windows], shape, self.config)
        return cast(PretrainBatch, batch)

    def loss(
        self, model: LanguageModel, batch: PretrainBatch, key: Array
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Sampled softmax: over the right word and a sample of others, weighted by how often each
        is drawn, which estimates the sum over all words (Bengio and Senecal 2008)."""
        sampling, dropping = jax.random.split(key)
        states, words, real = model(batch, dropping)
        table, bias = model.embedding.table[...], model.word_bias[...]
        vocabulary, count = len(self.tokenizer), self.config.samples
        # Words are numbered by frequency, so this draws them about as often as they occur.
        drawn = jnp.exp(jax.random.uniform(sampling, (count,)) * jnp.log(vocabulary + 1.0))
        drawn = jnp.clip(drawn.astype(jnp.int32) - 1, 0, vocabulary - 1)
        expected_draws = count * jnp.log1p(1 / (drawn + 1.0)) / jnp.log(vocabulary + 1.0)
        right = (states * table[words].astype(states.dtype)).sum(axis=-1) + bias[words]
        wrong = matmul_transposed(states, table[drawn]) + (bias[drawn] - jnp.log(expected_draws))
        wrong = jnp.where(drawn == words[:, None], MASKED, wrong)
        losses = jax.nn.logsumexp(jnp.concatenate([right[:, None], wrong], axis=1), axis=1) - right
        return (losses * real).sum(), real.sum()

    def predict(self, model: LanguageModel, batch: PretrainBatch) -> Outputs:
        """The log-likelihood of each row and its number of words, summed over both directions."""
        states, words, real = model(batch)
        table, bias = model.embedding.table[...], model.word_bias[...]

        def likelihood(pair: tuple[Array, Array]) -> Array:
            state, word = pair
            return -token_cross_entropy(matmul_transposed(state, table) + bias, word)

        # A few pairs at a time: the logits of all words of a batch are large.
        likelihoods = jax.lax.map(likelihood, (states, words), batch_size=_AT_ONCE)
        both = jnp.stack([likelihoods * real, real], axis=-1).reshape(2, -1, 2).sum(axis=0)
        # A pair belongs to the row of its first word.
        likelihood_sum, word_count = sum_rows(jnp.pad(both, ((0, 1), (0, 0))), batch["lengths"]).T
        return Outputs({"log_likelihood": likelihood_sum, "words": word_count})

    def answer(self, outputs: Sequence[Outputs], example: PretrainExample) -> Answer:
        (output,) = outputs
        answer = {name: float(value) for name, value in output.rows.items()}
        answer["perplexity"] = float(np.exp(-answer["log_likelihood"] / answer["words"]))
        return answer | ({"truncated": True} if example.truncated else {})

    def columns(self, options: Any) -> dict[str, Any]:
        return {"log_likelihood": float, "words": float, "perplexity": float} | (
            {"truncated": bool} if options.truncate else {}
        )

    def score(self, answers: Sequence[Answer], rows: Sequence[Row]) -> Metrics:
        words = sum(answer["words"] for answer in answers)
        likelihood = sum(answer["log_likelihood"] for answer in answers)
        return {"perplexity": float(np.exp(-likelihood / words))}
