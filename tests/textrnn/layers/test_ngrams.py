import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from support.ragged import to_ragged, to_rows
from textrnn.layers.ngrams import NgramConfig, NgramEmbedding
from textrnn.text import BOS, EOS, PAD

CONFIG = NgramConfig(orders=(2, 3), buckets=97, size=4)
ROWS = [[BOS, 5, 6, 7, 5, 6, EOS], [], [BOS, 9, 5, 6, EOS]]


def embed(rows, config=CONFIG, padding=0, key=None):
    ids, lengths = to_ragged(rows, padding, fill=PAD)
    layer = NgramEmbedding(config, rngs=nnx.Rngs(0))
    return to_rows(layer(jnp.asarray(ids), jnp.asarray(lengths), key), lengths)


def bucket(ngram, buckets):
    """The hash in Python integers."""
    x = 0
    for order, token in enumerate(reversed(ngram), start=1):
        x = (x * 0x9E3779B1 + token + order) % 2**32
        x = (x ^ (x >> 16)) * 0x85EBCA6B % 2**32
        x = (x ^ (x >> 13)) * 0xC2B2AE35 % 2**32
        x ^= x >> 16
    return x % buckets


def test_sums_the_vectors_of_the_ngrams_that_end_at_a_token():
    """Fails if an n-gram reaches into the row before, an order is missed, or the hash changes, with
    which every trained table would become useless."""
    table = NgramEmbedding(CONFIG, rngs=nnx.Rngs(0)).table[...]
    for row, vectors in zip(ROWS, embed(ROWS, padding=3), strict=True):
        filled = [PAD, PAD, *row]
        for end, vector in enumerate(vectors, start=3):
            expected = sum(table[bucket(filled[end - order : end], 97)] for order in (2, 3))
            np.testing.assert_allclose(vector, expected, atol=1e-6)


def test_orders_have_buckets_of_their_own():
    """Fails if an n-gram and the longer ones that it ends share a vector."""
    found = {bucket(ngram, 2**32) for ngram in ([5], [5, 5], [5, 5, 5], [0, 5], [0, 0, 5], [6, 4])}
    assert len(found) == 6


def test_gradient_reaches_the_ngrams_of_the_text_only():
    """Fails if padding trains a bucket, or an n-gram is looked up without a gradient."""
    ids, lengths = to_ragged(ROWS, 5, fill=PAD)
    layer = NgramEmbedding(CONFIG, rngs=nnx.Rngs(0))
    graph, params = nnx.split(layer)

    def total(params):
        x = nnx.merge(graph, params)(jnp.asarray(ids), jnp.asarray(lengths))
        return jnp.where(jnp.arange(len(ids))[:, None] < lengths.sum(), x, 0).sum()

    gradient = jax.grad(total)(params)["table"][...]
    expected = np.zeros((97, 4))
    for row in ROWS:
        filled = [PAD, PAD, *row]
        for end in range(3, len(filled) + 1):
            for order in (2, 3):
                expected[bucket(filled[end - order : end], 97)] += 1
    np.testing.assert_array_equal(gradient, expected)


def test_dropout_leaves_out_whole_ngrams():
    """Fails if features are dropped one by one, or the mean changes."""
    config = CONFIG.model_copy(update={"orders": (2,), "dropout": 0.5})
    row = [BOS, *range(5, 400), EOS]
    (whole,), (dropped,) = embed([row], config), embed([row], config, key=jax.random.key(0))
    zero = (dropped == 0).all(axis=-1)
    assert 0.4 < zero.mean() < 0.6
    np.testing.assert_allclose(dropped[~zero], 2 * whole[~zero], rtol=1e-6)
