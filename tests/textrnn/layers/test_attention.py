import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from support.ragged import to_ragged, to_rows
from textrnn.layers.attention import ATTENTIONS
from textrnn.platform import tracing_for

MEMORY, HIDDEN, PER_ROW = 19, 37, 3
LENGTHS, COUNTS = [5, 0, 1, 17], [2, 1, 0, 3]
PLATFORMS = pytest.mark.parametrize("platform", ["cpu", "tpu"])
"""With the native kernel where there is one, and without."""


def made(kind, seed=0):
    """An attention, the memory of each row and its queries. The last queries and memories are
    padding."""
    draw = np.random.default_rng(seed)
    attention = ATTENTIONS[kind](MEMORY, HIDDEN, rngs=nnx.Rngs(seed))
    memory = [draw.normal(size=(length, MEMORY)) for length in LENGTHS]
    queries = [draw.normal(size=(count, HIDDEN)) for count in COUNTS]
    return attention, memory, queries


def attend(attention, memory, queries, platform, fill=7.0):
    memory, lengths = to_ragged(memory, fill=fill)
    queries, counts = to_ragged(queries, len(COUNTS) * PER_ROW - sum(COUNTS), fill)
    with tracing_for(platform):
        source = attention.read(memory, lengths, 20)
        return jax.jit(lambda queries: attention(source, queries, jnp.asarray(counts)))(queries)


def score(attention, kind, memory, query):
    """One token and one query, as in the papers."""
    key = memory @ np.asarray(attention.key_kernel[...])
    if kind == "multiplicative":
        return key @ query
    projected = query @ np.asarray(attention.query_kernel[...])
    return np.tanh(key + projected) @ np.asarray(attention.vector[...])[:, 0]


@PLATFORMS
@pytest.mark.parametrize("kind", ATTENTIONS)
def test_equals_the_equations(kind, platform):
    """Fails if queries are mixed up between rows, or padding gets weight."""
    attention, memory, queries = made(kind)
    contexts, weights = attend(attention, memory, queries, platform)
    assert weights.shape == (sum(LENGTHS) + 3, PER_ROW)
    assert not weights[sum(LENGTHS) :].any()
    contexts, weights = to_rows(contexts, COUNTS), to_rows(weights, LENGTHS)
    for row, tokens in enumerate(memory):
        for k, query in enumerate(queries[row]):
            if len(tokens):
                matches = np.array([score(attention, kind, token, query) for token in tokens])
                expected = np.exp(matches - matches.max())
                expected /= expected.sum()
                np.testing.assert_allclose(weights[row][:, k], expected, atol=1e-5)
                np.testing.assert_allclose(contexts[row][k], expected @ tokens, atol=1e-5)


@PLATFORMS
@pytest.mark.parametrize("kind", ATTENTIONS)
def test_padding_does_not_matter(kind, platform):
    """Exactly, on any processor. Fails if tokens or queries past the last ones are read."""
    attention, memory, queries = made(kind)
    one = attend(attention, memory, queries, platform, 7.0)
    two = attend(attention, memory, queries, platform, 9.0)
    np.testing.assert_array_equal(one[0][: sum(COUNTS)], two[0][: sum(COUNTS)])
    for first, second, count in zip(
        to_rows(one[1], LENGTHS), to_rows(two[1], LENGTHS), COUNTS, strict=True
    ):
        np.testing.assert_array_equal(first[:, :count], second[:, :count])


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_training_attends_as_the_search_does(kind):
    """Fails if padded arrays give other values or weights than ragged ones."""
    attention, memory, queries = made(kind)
    contexts, weights = attend(attention, memory, queries, "cpu")
    source = attention.read(*to_ragged(memory), 20)
    first = jnp.stack([jnp.asarray(q[0] if len(q) else np.zeros(HIDDEN)) for q in queries])
    padded, padded_weights = attention.attend(source.grids(), first[:, None])
    starts = np.cumsum(COUNTS) - COUNTS
    for row in (0, 3):
        np.testing.assert_allclose(padded[row, 0], contexts[starts[row]], atol=1e-5)
        np.testing.assert_allclose(
            padded_weights[row, 0, : LENGTHS[row]], to_rows(weights, LENGTHS)[row][:, 0], atol=1e-5
        )
        assert not padded_weights[row, 0, LENGTHS[row] :].any()
