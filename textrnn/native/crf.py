"""The native kernels of the CRF: `textrnn.tasks.tag.crf` defines what they compute.

Emissions are ragged and paths and sums are zero past the last token, as there. A call fails if a
length is negative or the rows have more tokens than there are.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from textrnn.native import call_target


def crf_viterbi(
    emissions: Float[Array, "tokens tags"],
    start: Float[Array, " tags"],
    transition: Float[Array, "tags tags"],
    end: Float[Array, " tags"],
    lengths: Int[Array, " rows"],
) -> Int[Array, " tokens"]:
    """The path of the highest score of each row."""
    path = jax.ShapeDtypeStruct(emissions.shape[:1], jnp.int32)
    call = jax.ffi.ffi_call(call_target("textrnn_crf_viterbi"), path)
    return call(lengths.astype(jnp.int32), emissions, start, transition, end)


def crf_forward(
    emissions: Float[Array, "tokens tags"],
    start: Float[Array, " tags"],
    transition: Float[Array, "tags tags"],
    end: Float[Array, " tags"],
    lengths: Int[Array, " rows"],
) -> tuple[Float[Array, "tokens tags"], Float[Array, " rows"]]:
    """The log-sums over all prefixes that end in each tag, and the log-partition of each row."""
    shapes = [jax.ShapeDtypeStruct(s, jnp.float32) for s in (emissions.shape, lengths.shape)]
    call = jax.ffi.ffi_call(call_target("textrnn_crf_forward"), shapes)
    forward, partition = call(lengths.astype(jnp.int32), emissions, start, transition, end)
    return forward, partition


def crf_backward(
    emissions: Float[Array, "tokens tags"],
    start: Float[Array, " tags"],
    transition: Float[Array, "tags tags"],
    end: Float[Array, " tags"],
    lengths: Int[Array, " rows"],
    partition: Float[Array, " rows"],
) -> Float[Array, "tokens tags"]:
    """The log-sums over all suffixes that follow each tag, less the log-partition."""
    backward = jax.ShapeDtypeStruct(emissions.shape, jnp.float32)
    call = jax.ffi.ffi_call(call_target("textrnn_crf_backward"), backward)
    return call(lengths.astype(jnp.int32), emissions, start, transition, end, partition)
