"""The native kernels of decoders: attention over ragged batches, and the best next tokens.

`textrnn.layers.attention` and `textrnn.tasks.translate.next_tokens` define what they compute.
Queries are a ragged batch, `counts` of each row, and there is space for equally many of each row.
Nothing is computed for others, and their results are zero. A call fails if a length or a count is
negative, or if they exceed what there is space for.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from textrnn.native import call_target

Contexts = Float[Array, "hypotheses memory"]
Weights = Float[Array, "tokens queries"]


def multiplicative_attention(
    memory: Float[Array, "tokens memory"],
    keys: Float[Array, "tokens hidden"],
    lengths: Int[Array, " rows"],
    queries: Float[Array, "hypotheses hidden"],
    counts: Int[Array, " rows"],
) -> tuple[Contexts, Weights]:
    """The mean of the memory of each query's row, weighted by the softmax of keys @ query."""
    call = _call("attention", _attention_results(memory, queries, counts))
    return call(memory, keys, lengths, queries, counts, vector=jnp.zeros(0))


def additive_attention(
    memory: Float[Array, "tokens memory"],
    keys: Float[Array, "tokens hidden"],
    lengths: Int[Array, " rows"],
    queries: Float[Array, "hypotheses hidden"],
    counts: Int[Array, " rows"],
    vector: Float[Array, " hidden"],
) -> tuple[Contexts, Weights]:
    """The same for the softmax of tanh(keys + query) @ vector."""
    call = _call("attention", _attention_results(memory, queries, counts))
    return call(memory, keys, lengths, queries, counts, vector)
