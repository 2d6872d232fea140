import jax
import numpy as np
from flax import nnx

from support.ragged import to_ragged, to_rows
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.text import BOS, EOS, PAD, UNK

IDS, LENGTHS = to_ragged([[BOS, 5, 6, 7, EOS], np.empty(0, int), [BOS, 8, EOS]], 2, fill=PAD)


def test_looks_up_the_vector_of_each_token():
    """Fails if tokens are mixed up."""
    embedding = Embedding(EmbeddingConfig(size=3), 10, rngs=nnx.Rngs(0))
    x = embedding(IDS, LENGTHS)
    assert x.shape == (len(IDS), 3)
    for vector, token in zip(x, IDS, strict=True):
        np.testing.assert_array_equal(vector, embedding.table[...][token])


def test_word_dropout_never_replaces_special_tokens():
    """Fails if BOS, EOS or padding is replaced, or if words are zeroed instead of set to UNK."""
    embedding = Embedding(EmbeddingConfig(size=3, word_dropout=0.9), 10, rngs=nnx.Rngs(0))
    table = embedding.table[...]
    unknown = np.zeros(len(IDS), bool)
    for seed in range(40):
        x = embedding(IDS, LENGTHS, jax.random.key(seed))[: LENGTHS.sum()]
        is_unknown = (x == table[UNK]).all(-1)
        is_itself = (x == table[IDS[: LENGTHS.sum()]]).all(-1)
        assert (is_unknown | is_itself).all()
        unknown[: LENGTHS.sum()] |= np.asarray(is_unknown)
    np.testing.assert_array_equal(unknown, np.asarray(IDS) > EOS)


def test_dropout_has_one_mask_for_a_text():
    """Fails if the mask is drawn for each token, or is shared by rows."""
    embedding = Embedding(EmbeddingConfig(size=50, dropout=0.5), 10, rngs=nnx.Rngs(0))
    first, _, last = to_rows(embedding(IDS, LENGTHS, jax.random.key(0)), LENGTHS)
    for row in (first, last):
        dropped = row == 0
        assert (dropped == dropped[:1]).all()
        assert 10 < dropped[0].sum() < 40
    assert ((first[0] == 0) != (last[0] == 0)).any()


def test_type_dropout_drops_all_occurrences_of_a_word():
    """Fails if an id is kept at one token and dropped at another."""
    embedding = Embedding(EmbeddingConfig(size=3, type_dropout=0.5), 10, rngs=nnx.Rngs(0))
    ids, lengths = to_ragged([[5, 6, 5, 7], [8, 6, 9, 5]], 0)
    dropped = np.asarray((embedding(ids, lengths, jax.random.key(1)) == 0).all(axis=-1))
    for token in np.unique(ids):
        assert len(set(dropped[ids == token].tolist())) == 1
    assert 0 < dropped.sum() < len(ids)
