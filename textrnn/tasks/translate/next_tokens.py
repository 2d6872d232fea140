"""The most probable next tokens of hypotheses.

The logits of a search step are kept as the factors of their product, since a native kernel ranks
them block by block and never has a whole [hypotheses, ids] array in memory.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from textrnn.layers.linear import matmul_transposed
from textrnn.native import decoding
from textrnn.platform import uses_native
from textrnn.text.tokenizer import EOS

SPECIAL = 4
"""PAD, UNK, BOS and EOS are the first ids."""


class FactoredLogits(NamedTuple):
    """output @ table.T + bias, with `special` added to the first ids."""

    output: Float[Array, "hypotheses features"]
    table: Float[Array, "ids features"]
    bias: Float[Array, " ids"]
    special: Float[Array, "hypotheses special"]
    """MASKED excludes an id."""

    def values(self) -> Float[Array, "hypotheses ids"]:
        logits = matmul_transposed(self.output, self.table) + self.bias
        return logits.at[:, :SPECIAL].add(self.special)


class NextTokens(NamedTuple):
    """Log-probabilities of EOS and of the most probable other tokens."""

    end: Float[Array, " hypotheses"]
    log_probabilities: Float[Array, "hypotheses best"]
    """The largest first."""
    ids: Int[Array, "hypotheses best"]


def next_tokens(logits: FactoredLogits, counts: Int[Array, " rows"], width: int) -> NextTokens:
    """The `width` best tokens, or all where there are fewer, for the softmax of the logits.

    Hypotheses are a ragged batch with `counts` of each row; those past the last one are
    meaningless.
    """
    if not uses_native():
        return best_tokens(jax.nn.log_softmax(logits.values()), width)
    best = min(width, len(logits.bias) - 1)
    return NextTokens(*decoding.rank_next_tokens(*logits, counts, best))


def log_probabilities_of(
    logits: FactoredLogits, end: Float[Array, " hypotheses"], ids: Int[Array, "hypotheses chosen"]
) -> Float[Array, "hypotheses chosen"]:
    """Those of some ids, from that of EOS: they differ as the logits do."""
    every = jnp.pad(ids, ((0, 0), (1, 0)), constant_values=EOS)
    values = jnp.einsum("hf,hcf->hc", logits.output, logits.table[every]) + logits.bias[every]
    added = jnp.take_along_axis(logits.special, jnp.minimum(every, SPECIAL - 1), axis=1)
    values += jnp.where(every < SPECIAL, added, 0)
    return end[:, None] + values[:, 1:] - values[:, :1]


def best_tokens(log_probabilities: Float[Array, "hypotheses ids"], width: int) -> NextTokens:
    """The same from all log-probabilities."""
    ids = log_probabilities.shape[1]
    others = log_probabilities.at[:, EOS].set(-jnp.inf)
    return NextTokens(log_probabilities[:, EOS], *lax.top_k(others, min(width, ids - 1)))
