"""The native sampling kernel against the functions that define it. test_decoding.py compares its
instruction sets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from textrnn import native
from textrnn.native.sampling import sample_tokens
from textrnn.tasks.generate.sampling import SamplingParameters, gumbel_noise, sample

pytestmark = pytest.mark.skipif(not native.available(), reason="needs the native library")

ROWS, IDS, STATES = 300, 37, 3
REFUSED = (ValueError, jax.errors.JaxRuntimeError)
"""By a call that runs at once, and by one that runs later."""


def arguments(seed=0):
    """Logits and options of every kind, for rows at any position."""
    draw = np.random.default_rng(seed)
    pick = lambda *values: draw.choice(values, ROWS)  # noqa: E731
    parameters = SamplingParameters(
        temperature=jnp.asarray(pick(0, 0.5, 1, 2), jnp.float32),
        top_k=jnp.asarray(pick(0, 0, 1, 5, 100), jnp.int32),
        top_p=jnp.asarray(pick(1, 1, 0.9, 0.3, 1e-9), jnp.float32),
        repetition_penalty=jnp.asarray(pick(1, 1.5), jnp.float32),
        seed=jnp.asarray(draw.integers(0, 2**32, ROWS), jnp.uint32),
    )
    logits = jnp.asarray(3 * draw.normal(size=(ROWS, IDS)), jnp.float32)
    allowed = jnp.asarray(draw.random((STATES, IDS)) < 0.7)
    state = jnp.asarray(draw.integers(0, STATES, ROWS), jnp.int32)
    used = jnp.asarray(draw.random((ROWS, IDS)) < 0.3)
    runs = jnp.asarray(draw.random(ROWS) < 0.8)
    position = jnp.asarray(draw.integers(0, 2**31, ROWS), jnp.int32)
    return logits, allowed, state, used, runs, position, parameters


def test_tokens_are_those_of_the_definition():
    """Fails if a seed writes another text with the library than without it, or if an option is
    applied otherwise."""
    logits, allowed, state, used, runs, position, parameters = arguments()
    noise = gumbel_noise(parameters.seed, position, IDS)
    expected = jnp.where(runs, sample(logits, allowed[state], used, noise, parameters), 0)
    tokens, used_after = sample_tokens(
        logits, allowed, state, used, runs, position=position, **parameters._asdict()
    )
    np.testing.assert_array_equal(tokens, expected)
    marked = used.at[jnp.arange(ROWS), expected].max(runs)
    np.testing.assert_array_equal(used_after, marked)


def test_impossible_states_and_shapes_are_rejected():
    """Fails if a state that a client sends makes the kernel read out of bounds."""
    logits, allowed, state, used, runs, position, parameters = arguments()
    options = {"position": position, **parameters._asdict()}
    for wrong in (-1, STATES, 2**31 - 1):
        states = state.at[7].set(wrong)
        with pytest.raises(REFUSED, match="a state is"):
            jax.block_until_ready(sample_tokens(logits, allowed, states, used, runs, **options))
    with pytest.raises(REFUSED, match="used has the shape"):
        jax.block_until_ready(sample_tokens(logits, allowed, state, used[1:], runs, **options))
