import jax
import numpy as np
import pytest
from flax import nnx

from textrnn.layers.attention import ATTENTIONS, attend

MEMORY, HIDDEN = 6, 4
LENGTHS = np.array([5, 1, 3])


def made(kind, seed=0):
    draw = np.random.default_rng(seed)
    attention = ATTENTIONS[kind](MEMORY, HIDDEN, rngs=nnx.Rngs(seed))
    memory = draw.normal(size=(3, 5, MEMORY)).astype(np.float32)
    queries = draw.normal(size=(3, 2, HIDDEN)).astype(np.float32)
    return attention, memory, queries


def score(attention, kind, memory, query):
    """One position, one query, as the papers write it."""
    key = memory @ np.asarray(attention.key_kernel[...])
    if kind == "multiplicative":
        return key @ query
    asked = query @ np.asarray(attention.query_kernel[...])
    return np.tanh(key + asked) @ np.asarray(attention.vector[...])[:, 0]


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_equals_the_equations(kind):
    """Fails if queries are mixed up between rows, or padding gets weight."""
    attention, memory, queries = made(kind)
    scores = attention.score(attention.keys(memory), queries)
    context, weights = attend(scores, memory, LENGTHS)
    for row, length in enumerate(LENGTHS):
        for query in range(2):
            fits = np.array([
                score(attention, kind, memory[row, s], queries[row, query]) for s in range(length)
            ])  # fmt: skip
            expected = np.exp(fits - fits.max())
            expected /= expected.sum()
            np.testing.assert_allclose(weights[row, query, :length], expected, atol=1e-5)
            assert not np.asarray(weights[row, query, length:]).any()
            mean = expected @ memory[row, :length]
            np.testing.assert_allclose(context[row, query], mean, atol=1e-5)


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_what_stands_in_the_padding_does_not_matter(kind):
    attention, memory, queries = made(kind)
    other = memory.copy()
    for row, length in enumerate(LENGTHS):
        other[row, length:] = 9.0

    def run(memory):
        return attend(attention.score(attention.keys(memory), queries), memory, LENGTHS)

    one, two = jax.jit(run)(memory), jax.jit(run)(other)
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
