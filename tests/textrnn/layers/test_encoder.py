import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from textrnn.layers.cells import CELLS
from textrnn.layers.encoder import Encoder, EncoderConfig

INPUTS, TIME = 3, 6
LENGTHS = jnp.array([6, 2, 4])
ROUNDING = 2e-6
"""For outputs below 4 in size, about 8 units in the last place of a float32: programs for two
lengths compute the same sums, but may vectorise and fuse them differently on another processor."""
SHAPES = [
    EncoderConfig(hidden=4, layers=layers, bidirectional=both, joined=joined, **extra)
    for layers in (1, 2)
    for both, joined in ((True, True), (True, False), (False, True))
    for extra in ({}, {"residual": True, "layer_norm": True})
]


def make(config, seed=0):
    return Encoder(config, INPUTS, rngs=nnx.Rngs(seed))


def batch(time=TIME, rows=3, seed=0):
    random = np.random.default_rng(seed)
    return jnp.asarray(random.normal(size=(time, rows, INPUTS)), jnp.float32)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_more_padding_changes_nothing(config, cell):
    """Up to rounding, and exactly zero at padding. Fails if the values or the amount of padding
    affect a row."""
    encoder = make(config.model_copy(update={"cell": cell}))
    x = batch()
    longer = jnp.concatenate([x, jnp.full((3, *x.shape[1:]), 7.0)])
    outputs, _ = encoder(x, LENGTHS)
    more, _ = encoder(longer, LENGTHS)
    np.testing.assert_allclose(more[:TIME], outputs, rtol=0, atol=ROUNDING)
    np.testing.assert_array_equal(more[TIME:], 0)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_array_equal(outputs[length:, row], 0)


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_a_row_alone_equals_the_row_in_a_batch(config):
    """Fails if rows influence each other."""
    encoder = make(config)
    x = batch()
    together, _ = encoder(x, LENGTHS)
    for row, length in enumerate(LENGTHS):
        alone, _ = encoder(x[:length, row : row + 1], LENGTHS[row : row + 1])
        np.testing.assert_allclose(together[:length, row], alone[:, 0], atol=1e-5)


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_permuted_rows_give_permuted_outputs(config):
    """Fails if the output of a row depends on its position in the batch."""
    encoder, x, order = make(config), batch(), jnp.array([2, 0, 1])
    outputs, _ = encoder(x, LENGTHS)
    permuted, _ = encoder(x[:, order], LENGTHS[order])
    np.testing.assert_allclose(permuted, outputs[:, order], atol=1e-5)


def test_a_unidirectional_encoder_is_causal():
    """Fails if an output of a unidirectional encoder has a gradient by a later input."""
    encoder = make(EncoderConfig(hidden=4, layers=2, bidirectional=False, residual=True))
    lengths = jnp.array([TIME])

    def output(x, t):
        return encoder(x, lengths)[0][t].sum()

    x = batch(rows=1)
    gradient_of = jax.jit(jax.grad(output))
    for t in range(TIME):
        gradient = gradient_of(x, t)
        assert not gradient[t + 1 :].any()
        assert gradient[: t + 1].any(axis=(1, 2)).all()


def test_separate_stacks_keep_the_directions_apart():
    """Fails if a language model can see the word that it predicts: if a forward output depends on
    later input, or a backward one on earlier input, at any depth."""
    encoder = make(EncoderConfig(hidden=4, layers=3, joined=False))
    lengths, x = jnp.array([TIME]), batch(rows=1)

    def half(x, t, part):
        return jnp.split(encoder(x, lengths)[0][t], 2, axis=-1)[part].sum()

    gradient = jax.jit(jax.grad(half), static_argnums=2)
    for t in range(TIME):
        forward, backward = gradient(x, t, 0), gradient(x, t, 1)
        assert not forward[t + 1 :].any()
        assert not backward[:t].any()
        assert forward[t].any()
        assert backward[t].any()


def test_carry_continues_a_text():
    """Fails if a layer ignores its carry: a text in two parts must equal the whole text."""
    encoder = make(EncoderConfig(hidden=4, layers=2, bidirectional=False))
    x, full = batch(), jnp.full(3, TIME)
    whole, _ = encoder(x, full)
    first, carries = encoder(x[:2], jnp.full(3, 2))
    second, _ = encoder(x[2:], jnp.full(3, TIME - 2), carry=tuple(c[0] for c in carries))
    np.testing.assert_allclose(jnp.concatenate([first, second]), whole, atol=1e-6)
    with pytest.raises(ValueError, match="bidirectional"):
        make(SHAPES[0])(x, full, carry=tuple(c[0] for c in carries))


def test_dropout_has_one_mask_for_all_steps():
    """Fails if the mask is drawn at each step, is shared by rows, or lacks rescaling."""
    config = EncoderConfig(hidden=64, layers=1, dropout=0.5)
    encoder, x = make(config), jnp.ones((TIME, 3, INPUTS))
    lengths = jnp.full(3, TIME)
    outputs, _ = encoder(x, lengths, key=jax.random.key(0))
    dropped = np.asarray(outputs == 0)
    assert (dropped == dropped[:1]).all()
    assert (dropped[0, 0] != dropped[0, 1]).any()
    assert 0.35 < dropped[0].mean() < 0.65
    again, _ = encoder(x, lengths, key=jax.random.key(0))
    np.testing.assert_array_equal(outputs, again)


def test_an_unknown_cell_is_an_error():
    with pytest.raises(ValueError, match="expected one of elman, lstm, gru"):
        EncoderConfig(cell="transformer")
