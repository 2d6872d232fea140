"""The decoder and the translation network."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from support.cells import NATIVE, each_cell, small
from support.ragged import to_ragged, to_rows
from textrnn.layers.attention import ATTENTIONS
from textrnn.layers.embedding import EmbeddingConfig
from textrnn.layers.encoder import EncoderConfig
from textrnn.parameters import split_model
from textrnn.platform import tracing_for
from textrnn.tasks.translate.decoder import DecoderConfig
from textrnn.tasks.translate.network import Translator, TranslatorConfig

LENGTHS = [6, 2, 4]
LONGEST = 6
"""Length of the targets, and an upper bound of those of the sources."""
ONE_EACH = jnp.ones(3, jnp.int32)
"""One hypothesis of each row."""
EVERY = [
    *each_cell(lambda cell: (cell, "multiplicative", 1, True)),
    *itertools.product(NATIVE, ["multiplicative"], [2], [True]),
    *itertools.product(["second_order"], ["multiplicative"], [1], [False]),
    *itertools.product(["lstm"], ATTENTIONS, [1], [True, False]),
]


def made(cell="lstm", attention="multiplicative", layers=1, feeding=True, **config):
    config = TranslatorConfig(
        embedding=EmbeddingConfig(size=5),
        encoder=EncoderConfig(hidden=4),
        decoder=DecoderConfig(
            cell=small(cell), hidden=6, layers=layers, attention=attention, input_feeding=feeding
        ),
        **config,
    )
    draw = np.random.default_rng(0)
    sources = [draw.integers(4, 11, length) for length in LENGTHS]
    target = draw.integers(4, 11, (3, LONGEST))
    return Translator(config, 11, rngs=nnx.Rngs(1)), sources, jnp.asarray(target)


@pytest.mark.parametrize(("cell", "attention", "layers", "feeding"), EVERY)
@pytest.mark.slow
def test_training_unrolls_the_step_that_decoding_takes(cell, attention, layers, feeding):
    """Fails if training and decoding compute different steps, for any cell."""
    model, sources, target = made(cell, attention, layers, feeding)
    whole = model(*to_ragged(sources), target)
    source, state = model.begin(*to_ragged(sources), LONGEST)
    for t in range(LONGEST):
        state, logits, weights = model.step(source, state, target[:, t], ONE_EACH)
        np.testing.assert_allclose(logits.values(), whole[t], atol=1e-5)
        for of_row in to_rows(weights, LENGTHS):
            np.testing.assert_allclose(of_row.sum(axis=0), [1], atol=1e-5)


def test_input_feeding_reaches_the_next_step():
    """Fails if the option has no effect."""
    one = made(feeding=True)[0].decoder.cells[0].inputs
    two = made(feeding=False)[0].decoder.cells[0].inputs
    assert (one, two) == (10, 5)
    model, sources, _ = made(feeding=True)
    source, state = model.begin(*to_ragged(sources), LONGEST)
    token = jnp.array([4, 5, 6])
    _, plain, _ = model.step(source, state, token, ONE_EACH)
    _, fed, _ = model.step(source, state._replace(output=state.output + 1), token, ONE_EACH)
    assert np.abs(plain.values() - fed.values()).max() > 1e-3


@pytest.mark.parametrize("platform", ["cpu", "tpu"])
def test_hypotheses_of_a_row_share_its_source(platform):
    """Rows of 2, 0 and 1 hypotheses. Fails if a hypothesis attends to the source of another row,
    or has the state of another."""
    model, sources, _ = made()
    with tracing_for(platform):
        source, state = model.begin(*to_ragged(sources), LONGEST)
        rows, tokens = jnp.array([0, 0, 2, 0, 0, 0]), jnp.array([4, 5, 6, 9, 9, 9])
        search = jax.tree.map(lambda a: a[rows], state)
        search, logits, weights = model.step(source, search, tokens, jnp.array([2, 0, 1]))
    weights = to_rows(weights, LENGTHS)
    for hypothesis, slot in enumerate([0, 1, 0]):
        row = int(rows[hypothesis])
        each = jnp.full(3, tokens[hypothesis])
        alone, alone_logits, alone_weights = model.step(source, state, each, ONE_EACH)
        pairs = [
            (logits.values()[hypothesis], alone_logits.values()[row]),
            (weights[row][:, slot], to_rows(alone_weights, LENGTHS)[row][:, 0]),
            (search.output[hypothesis], alone.output[row]),
            *(
                (a[hypothesis], b[row])
                for a, b in zip(search.carries[0], alone.carries[0], strict=True)
            ),
        ]
        for one, other in pairs:
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_source_alone_equals_the_source_in_a_batch():
    """Fails if sources influence each other."""
    model, sources, target = made()
    together = model(*to_ragged(sources), target)
    for row, source in enumerate(sources):
        alone = model(*to_ragged([source]), target[row : row + 1])
        np.testing.assert_allclose(alone[:, 0], together[:, row], atol=1e-5)


def test_more_padding_changes_nothing():
    """Tokens that no row has, source positions that no row reaches, and empty rows. Fails if any of
    them reaches a logit or a gradient."""
    model, sources, target = made()
    graph, params = nnx.split(model)

    def loss(params, target, ids, lengths):
        logits = nnx.merge(graph, params)(ids, lengths, target)[:LONGEST, :3]
        return (jnp.tanh(logits) ** 2).sum(), logits

    measure = jax.jit(jax.value_and_grad(loss, has_aux=True))
    (_, logits), gradient = measure(params, target, *to_ragged(sources, 0))
    longer = jnp.pad(target, ((0, 2), (0, 3)), constant_values=7)
    batch = to_ragged([*sources, sources[0][:0], sources[0][:0]], 7)
    (_, same), same_gradient = measure(params, longer, *batch)
    np.testing.assert_allclose(logits, same, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), gradient, same_gradient)


def test_no_token_sees_its_future():
    """Exactly, on any processor: both calls run one program. Fails if a logit depends on a later
    token."""
    model, sources, target = made()
    source = to_ragged(sources)
    other = target.at[:, 3].set((target[:, 3] - 4 + 1) % 7 + 4)
    one, two = model(*source, target), model(*source, other)
    np.testing.assert_array_equal(one[:3], two[:3])
    assert np.abs(one[3] - two[3]).max() > 1e-4


def test_dropout_is_used_only_in_training():
    model, sources, target = made(blank=0.5)
    source = to_ragged(sources)
    plain = model(*source, target)
    np.testing.assert_array_equal(plain, model(*source, target))
    drawn = [model(*source, target, jax.random.key(k)) for k in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.abs(drawn[0] - drawn[2]).max() > 1e-3


def test_parameter_names_are_a_file_format():
    assert sorted(split_model(made(layers=2)[0])[1]) == [
        "bias",
        "decoder.attention.key_kernel",
        "decoder.bridge.bias",
        "decoder.bridge.kernel",
        "decoder.cells.0.bias",
        "decoder.cells.0.input_kernel",
        "decoder.cells.0.recurrent_kernel",
        "decoder.cells.1.bias",
        "decoder.cells.1.input_kernel",
        "decoder.cells.1.recurrent_kernel",
        "decoder.combine.bias",
        "decoder.combine.kernel",
        "embedding.table",
        "encoder.layers.0.backward.bias",
        "encoder.layers.0.backward.input_kernel",
        "encoder.layers.0.backward.recurrent_kernel",
        "encoder.layers.0.forward.bias",
        "encoder.layers.0.forward.input_kernel",
        "encoder.layers.0.forward.recurrent_kernel",
    ]
