import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.text import BOS, EOS, PAD, UNK

IDS = jnp.array([[BOS, 5, 6, 7, EOS], [BOS, 8, EOS, PAD, PAD]])


def test_looks_up_time_major_vectors():
    """Fails if rows and time are mixed up."""
    embedding = Embedding(EmbeddingConfig(size=3), 10, rngs=nnx.Rngs(0))
    x = embedding(IDS)
    assert x.shape == (5, 2, 3)
    np.testing.assert_array_equal(x[2, 0], embedding.table[...][6])
    np.testing.assert_array_equal(x[3, 1], embedding.table[...][PAD])


def test_word_dropout_never_replaces_special_tokens():
    """Fails if BOS, EOS or padding is replaced, or if words are zeroed instead of set to UNK."""
    embedding = Embedding(EmbeddingConfig(size=3, word_dropout=0.9), 10, rngs=nnx.Rngs(0))
    table = embedding.table[...]
    unknown = np.zeros((5, 2), bool)
    for seed in range(40):
        x = embedding(IDS, jax.random.key(seed))
        is_unknown = (x == table[UNK]).all(-1)
        is_itself = (x == table[IDS.T]).all(-1)
        assert (is_unknown | is_itself).all()
        unknown |= np.asarray(is_unknown)
    np.testing.assert_array_equal(unknown, np.asarray(IDS.T) > EOS)


def test_dropout_has_one_mask_for_a_text():
    embedding = Embedding(EmbeddingConfig(size=50, dropout=0.5), 10, rngs=nnx.Rngs(0))
    x = np.asarray(embedding(IDS, jax.random.key(0)))[:3, 0]
    dropped = x == 0
    assert (dropped == dropped[:1]).all()
    assert 10 < dropped[0].sum() < 40
