"""The native kernels of decoders: attention over ragged batches, and the best next tokens.

`textrnn.layers.attention` and `textrnn.tasks.translate.next_tokens` define what they compute.
Hypotheses are a ragged batch, `counts` of each row. Nothing is computed past the last one, where
results are zero. A call fails if a length or a count is negative, or if they exceed what there is
space for.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from textrnn.native import call_target


def attention(
    memory: Float[Array, "tokens memory"],
    keys: Float[Array, "tokens hidden"],
    lengths: Int[Array | np.ndarray, " rows"],
    queries: Float[Array, "hypotheses hidden"],
    counts: Int[Array, " rows"],
    vector: Float[Array, " hidden"] | None = None,
) -> tuple[Float[Array, "hypotheses memory"], Float[Array, "tokens queries"]]:
    """For each query, the mean of its row's memory weighted by the softmax of the scores, and the
    weights.

    Scores are key . query, and with a vector tanh(key + query) . vector.
    """
    results = (
        jax.ShapeDtypeStruct((len(queries), memory.shape[1]), jnp.float32),
        jax.ShapeDtypeStruct((len(memory), len(queries) // len(counts)), jnp.float32),
    )
    call = jax.ffi.ffi_call(call_target("textrnn_attention"), results)
    lengths, counts = (jnp.asarray(a, jnp.int32) for a in (lengths, counts))
    vector = jnp.zeros(0) if vector is None else vector
    contexts, weights = call(memory, keys, lengths, queries, counts, vector)
    return contexts, weights


def rank_next_tokens(
    output: Float[Array, "hypotheses features"],
    table: Float[Array, "ids features"],
    bias: Float[Array, " ids"],
    special: Float[Array, "hypotheses 4"],
    counts: Int[Array, " rows"],
    best: int,
) -> tuple[
    Float[Array, " hypotheses"], Float[Array, "hypotheses best"], Int[Array, "hypotheses best"]
]:
    """The log-probability of EOS, those of the `best` other tokens, and their ids.

    `special` is added to the logits of PAD, UNK, BOS and EOS, which are the ids 0 to 3.
    """
    results = (
        jax.ShapeDtypeStruct((len(output),), jnp.float32),
        jax.ShapeDtypeStruct((len(output), best), jnp.float32),
        jax.ShapeDtypeStruct((len(output), best), jnp.int32),
    )
    call = jax.ffi.ffi_call(call_target("textrnn_next_tokens"), results)
    end, log_probabilities, ids = call(output, table, bias, special, counts.astype(jnp.int32))
    return end, log_probabilities, ids
