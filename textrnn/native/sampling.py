"""The native kernel of `textrnn.tasks.generate.sampling`, which defines what it computes."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt32

from textrnn.native import call_target


def sample_tokens(
    logits: Float[Array, "rows ids"],
    allowed: Bool[Array, "states ids"],
    state: Int[Array, " rows"],
    used: Bool[Array, "rows ids"],
    runs: Bool[Array, " rows"],
    seed: UInt32[Array, " rows"],
    position: Int[Array, " rows"],
    temperature: Float[Array, " rows"],
    top_k: Int[Array, " rows"],
    top_p: Float[Array, " rows"],
    repetition_penalty: Float[Array, " rows"],
) -> tuple[Int[Array, " rows"], Bool[Array, "rows ids"]]:
    """A token for each row that runs, and 0 for the others; and `used` with these tokens.

    `allowed` masks the tokens that may follow in each state, and `position` is the number of tokens
    that a row has sampled before. Fails if there is no such state.
    """
    results = (
        jax.ShapeDtypeStruct((len(logits),), jnp.int32),
        jax.ShapeDtypeStruct(logits.shape, bool),
    )
    call = jax.ffi.ffi_call(call_target("textrnn_sample"), results)
    tokens, used = call(
        logits, allowed, state, used, runs,
        seed, position, temperature, top_k, top_p, repetition_penalty,
    )  # fmt: skip
    return tokens, used
