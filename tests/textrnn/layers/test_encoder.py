import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from support.cells import each_cell, small
from support.ragged import to_ragged, to_rows
from textrnn.layers.encoder import Encoder, EncoderConfig

INPUTS = 3
LENGTHS = [6, 2, 0, 4]
ROUNDING = 2e-6
"""For outputs below 4 in size, about 8 units in the last place of a float32: programs for two
capacities compute the same sums, but may vectorise and fuse them differently on another
processor."""
SHAPES = [
    EncoderConfig(hidden=4, layers=layers, bidirectional=both, joined=joined, **extra)
    for layers in (1, 2)
    for both, joined in ((True, True), (True, False), (False, True))
    for extra in ({}, {"residual": True, "layer_norm": True})
]


def make(config, seed=0):
    return Encoder(config, INPUTS, rngs=nnx.Rngs(seed))


def drawn(lengths=LENGTHS, seed=0):
    random = np.random.default_rng(seed)
    return [random.normal(size=(length, INPUTS)).astype("f") for length in lengths]


@pytest.mark.parametrize(
    "config", [*SHAPES, *each_cell(lambda cell: EncoderConfig(hidden=4, cell=small(cell)))], ids=str
)
def test_more_padding_changes_nothing(config):
    """Up to rounding, and exactly zero at padding. Fails if the values or the amount of padding, or
    further empty rows, affect a row."""
    encoder, rows = make(config), drawn()
    x, lengths = to_ragged(rows, padding=0)
    longer, same = to_ragged([*rows, rows[2]], padding=5, fill=7.0)
    outputs, _ = encoder(x, lengths)
    more, _ = encoder(longer, same)
    np.testing.assert_allclose(more[: len(x)], outputs, rtol=0, atol=ROUNDING)
    np.testing.assert_array_equal(more[len(x) :], 0)


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_a_row_alone_equals_the_row_in_a_batch(config):
    """Fails if rows influence each other."""
    encoder, rows = make(config), drawn()
    x, lengths = to_ragged(rows)
    together, _ = encoder(x, lengths)
    for row, output in zip(rows, to_rows(together, lengths), strict=True):
        alone, _ = encoder(*to_ragged([row]))
        np.testing.assert_allclose(output, alone[: len(row)], atol=1e-5)


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_permuted_rows_give_permuted_outputs(config):
    """Fails if the output of a row depends on its position in the batch."""
    encoder, rows, order = make(config), drawn(), [2, 0, 3, 1]
    outputs, permuted = (
        to_rows(encoder(x, lengths)[0], lengths)
        for x, lengths in (to_ragged(rows), to_ragged([rows[index] for index in order]))
    )
    for index, row in zip(order, permuted, strict=True):
        np.testing.assert_allclose(row, outputs[index], atol=1e-5)


def test_a_unidirectional_encoder_is_causal():
    """Fails if an output of a unidirectional encoder has a gradient by a later input, or by another
    row."""
    encoder = make(EncoderConfig(hidden=4, layers=2, bidirectional=False, residual=True))
    x, lengths = to_ragged(drawn([2, 6, 3]))

    def output(x, t):
        return encoder(x, lengths)[0][t].sum()

    gradient_of = jax.jit(jax.grad(output))
    for t in range(2, 8):
        gradient = gradient_of(x, t)
        assert not gradient[:2].any()
        assert gradient[2 : t + 1].any(axis=1).all()
        assert not gradient[t + 1 :].any()


def test_separate_stacks_keep_the_directions_apart():
    """Fails if a language model can see the word that it predicts: if a forward output depends on
    later input, or a backward one on earlier input, at any depth."""
    encoder = make(EncoderConfig(hidden=4, layers=3, joined=False))
    x, lengths = to_ragged(drawn([2, 6, 3]))

    def half(x, t, part):
        return jnp.split(encoder(x, lengths)[0][t], 2, axis=-1)[part].sum()

    gradient = jax.jit(jax.grad(half), static_argnums=2)
    for t in range(2, 8):
        forward, backward = gradient(x, t, 0), gradient(x, t, 1)
        assert not forward[t + 1 :].any()
        assert not forward[:2].any()
        assert not backward[:t].any()
        assert not backward[8:].any()
        assert forward[t].any()
        assert backward[t].any()


def test_carry_continues_a_text():
    """Fails if a layer ignores its carry: a text in two parts must equal the whole text."""
    encoder, rows = make(EncoderConfig(hidden=4, layers=2, bidirectional=False)), drawn()
    x, lengths = to_ragged(rows)
    whole, _ = encoder(x, lengths)
    parts, carry = [], None
    for part in ([row[:2] for row in rows], [row[2:] for row in rows]):
        outputs, carries = encoder(*to_ragged(part), carry=carry)
        parts.append(to_rows(outputs, [len(row) for row in part]))
        carry = tuple(forward for (forward,) in carries)
    for first, second, row in zip(*parts, to_rows(whole, lengths), strict=True):
        np.testing.assert_allclose(np.concatenate([first, second]), row, atol=1e-6)
    with pytest.raises(ValueError, match="bidirectional"):
        make(SHAPES[0])(x, lengths, carry=carry)


def test_dropout_has_one_mask_for_all_steps():
    """Fails if the mask is drawn at each step or is shared by rows."""
    encoder = make(EncoderConfig(hidden=64, layers=1, dropout=0.5))
    x, lengths = to_ragged([np.ones((length, INPUTS)) for length in LENGTHS])
    outputs, _ = encoder(x, lengths, key=jax.random.key(0))
    dropped = [row == 0 for row in to_rows(outputs, lengths) if len(row)]
    for row in dropped:
        assert (row == row[:1]).all()
        assert 0.35 < row[0].mean() < 0.65
    assert (dropped[0][0] != dropped[1][0]).any()
    again, _ = encoder(x, lengths, key=jax.random.key(0))
    np.testing.assert_array_equal(outputs, again)


def test_an_unknown_cell_is_an_error():
    with pytest.raises(ValueError, match="expected one of elman, jordan"):
        EncoderConfig(cell="transformer")
