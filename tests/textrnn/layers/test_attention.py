import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from textrnn.layers.attention import ATTENTIONS, attend

MEMORY, HIDDEN = 6, 4
LENGTHS = jnp.array([5, 1, 3])


def made(kind, seed=0):
    draw = np.random.default_rng(seed)
    attention = ATTENTIONS[kind](MEMORY, HIDDEN, rngs=nnx.Rngs(seed))
    memory = draw.normal(size=(3, 5, MEMORY)).astype(np.float32)
    queries = draw.normal(size=(3, 2, HIDDEN)).astype(np.float32)
    return attention, jnp.asarray(memory), jnp.asarray(queries)


def score(attention, kind, memory, query):
    """One position and one query, as in the papers."""
    key = memory @ np.asarray(attention.key_kernel[...])
    if kind == "multiplicative":
        return key @ query
    projected = query @ np.asarray(attention.query_kernel[...])
    return np.tanh(key + projected) @ np.asarray(attention.vector[...])[:, 0]


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_equals_the_equations(kind):
    """Fails if queries are mixed up between rows, or padding gets weight."""
    attention, memory, queries = made(kind)
    scores = attention.score(attention.keys(memory), queries)
    context, weights = attend(scores, memory, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        for query in range(2):
            matches = np.array([
                score(attention, kind, memory[row, s], queries[row, query]) for s in range(length)
            ])  # fmt: skip
            expected = np.exp(matches - matches.max())
            expected /= expected.sum()
            np.testing.assert_allclose(weights[row, query, :length], expected, atol=1e-5)
            assert not np.asarray(weights[row, query, length:]).any()
            mean = expected @ memory[row, :length]
            np.testing.assert_allclose(context[row, query], mean, atol=1e-5)


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_padding_does_not_matter(kind):
    """Exactly, on any processor, since both calls run one program, in which padding is multiplied
    by 0. Fails if a position at or beyond the length gets weight."""
    attention, memory, queries = made(kind)
    other = memory
    for row, length in enumerate(LENGTHS.tolist()):
        other = other.at[row, length:].set(9.0)

    def run(memory):
        return attend(attention.score(attention.keys(memory), queries), memory, LENGTHS)

    one, two = jax.jit(run)(memory), jax.jit(run)(other)
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
