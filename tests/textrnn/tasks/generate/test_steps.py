"""Reading and writing, from one memory to the next, with fresh weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from textrnn.layers.cells import CELLS
from textrnn.layers.embedding import EmbeddingConfig
from textrnn.layers.encoder import EncoderConfig
from textrnn.tasks.generate.capture import rows_of
from textrnn.tasks.generate.network import Generator, GeneratorConfig
from textrnn.tasks.generate.option_arrays import sampling_parameters
from textrnn.tasks.generate.options import GenerateOptions
from textrnn.tasks.generate.state import GenerationState
from textrnn.tasks.generate.steps import decode, prefill
from textrnn.text import BOS, EOS, ByteTokenizer, CharTokenizer

IDS = 10
GRAMMAR = CharTokenizer(list("abcdef")).grammar
EVERY = [
    *({"cell": cell, "layers": layers} for cell in CELLS for layers in (1, 2)),
    {"layers": 2, "layer_norm": True, "residual": True},
    {"tied": True},
]


def made(cell="lstm", layers=1, tied=False, ids=IDS, **more):
    config = GeneratorConfig(
        embedding=EmbeddingConfig(size=6),
        encoder=EncoderConfig(
            cell=cell, layers=layers, hidden=7, bidirectional=False, joined=False, **more
        ),
        tied=tied,
    )
    model = Generator(config, ids, rngs=nnx.Rngs(0))
    # Larger weights, so that what comes depends on what was.
    graph, params = nnx.split(model)
    return nnx.merge(graph, jax.tree.map(lambda p: 4 * p, params))


def fresh(model, rows=3, seeds=(1, 2, 3)):
    zero = jnp.zeros(rows, jnp.int32)
    return GenerationState(
        past=model.config.past(rows), last=zero + BOS, used=jnp.zeros((rows, IDS), bool),
        seed=jnp.array(seeds[:rows], jnp.uint32), drawn=zero, grammar=zero,
    )  # fmt: skip


def text(rows=3, time=9):
    return jnp.asarray(np.random.default_rng(0).integers(4, IDS, (rows, time)))


def wrote(model, state, count, options=None, room=8, grammar=GRAMMAR):
    rows = [options or GenerateOptions(temperature=1.0)] * len(state.seed)
    asked = sampling_parameters(rows, state)
    return decode(model, state, jnp.asarray(count), asked, grammar, room, watching(len(rows)))


def watching(rows):
    """All rows ask for everything."""
    return jax.tree.map(jnp.asarray, rows_of([range(4)] * rows, [True] * rows, rows))


def reads(model, state, ids, lengths):
    state, seen = prefill(model, state, ids, lengths, watching(len(ids)))
    return state, seen.likelihood


def close(one, other):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), one, other)


@pytest.mark.parametrize("config", EVERY, ids=str)
def test_text_read_in_pieces_is_read_as_one(config):
    """Of any cell, rows of unequal length. Fails if anything but the memory carries over, or
    padding reaches it."""
    model, ids = made(**config), text()
    whole, expected = reads(model, fresh(model), ids, jnp.array([9, 5, 9]))
    state, first = reads(model, fresh(model), ids[:, :4], jnp.array([4, 4, 4]))
    state, second = reads(model, state, ids[:, 4:], jnp.array([5, 1, 5]))
    close(state, whole)
    close(jnp.concatenate([first, second], axis=1), expected)
    assert (expected[1, 5:] == 0).all()


def test_likelihoods_equal_single_steps():
    """Fails if a token is scored with what follows another one."""
    model, ids = made(layers=2), text(rows=1)
    _, found = reads(model, fresh(model, 1), ids, jnp.array([9]))
    past, before = model.config.past(1), BOS
    for place in range(9):
        logits, past = model(jnp.array([[before]]), jnp.array([1]), past)
        token = int(ids[0, place])
        np.testing.assert_allclose(
            found[0, place], jax.nn.log_softmax(logits[0, 0])[token], atol=1e-5
        )
        before = token


@pytest.mark.parametrize("config", EVERY, ids=str)
def test_what_was_written_reads_as_it_was_written(config):
    """Likelihoods and memory. Fails if writing steps differ from reading, in any cell."""
    model = made(**config)
    start, _ = reads(model, fresh(model), text(time=4), jnp.array([4, 2, 3]))
    state, written = wrote(model, start, [8, 8, 8], GenerateOptions(temperature=0.7, top_k=4))
    again, likelihoods = reads(model, start, written.tokens, (written.tokens > 0).sum(axis=1))
    close(likelihoods, written.seen.likelihood)
    close(again._replace(drawn=state.drawn), state)


def test_written_in_pieces_as_in_one():
    model = made(layers=2)
    whole, expected = wrote(model, fresh(model), [8, 8, 8])
    state, first = wrote(model, fresh(model), [3, 5, 1])
    state, second = wrote(model, state, [5, 3, 7])
    close(state, whole)
    for row, split in enumerate([3, 5, 1]):
        tokens = [*first.tokens[row, :split], *second.tokens[row, : 8 - split]]
        assert tokens == list(expected.tokens[row])
        assert not first.tokens[row, split:].any()


def test_greedy_takes_the_likeliest():
    model = made()
    _, written = wrote(model, fresh(model), [6, 6, 6], GenerateOptions(temperature=0))
    past, before = model.config.past(1), BOS
    for place in range(6):
        logits, past = model(jnp.array([[before]]), jnp.array([1]), past)
        logits = jnp.where(GRAMMAR.allowed[0], logits[0, 0], -jnp.inf)
        before = int(jnp.argmax(logits))
        assert (written.tokens[:, place] == before).all()


def test_a_row_alone_writes_what_it_writes_in_a_batch():
    model = made(layers=2)
    _, together = wrote(model, fresh(model), [8, 2, 5])
    for row, count in enumerate([8, 2, 5]):
        state = jax.tree.map(lambda a, row=row: a[row : row + 1], fresh(model))
        _, alone = wrote(model, state, [count])
        assert (alone.tokens[0] == together.tokens[row]).all()


def test_who_writes_nothing_stays_as_it_is():
    model = made()
    start, _ = reads(model, fresh(model), text(), jnp.array([9, 9, 9]))
    state, written = wrote(model, start, [0, 4, 0])
    for row in (0, 2):
        pick = lambda tree, row=row: jax.tree.map(lambda a: a[row], tree)  # noqa: E731
        jax.tree.map(np.testing.assert_array_equal, pick(state), pick(start))
        assert not written.tokens[row].any()


def test_a_text_that_is_over_is_not_gone_on_with():
    """The model is made to say EOS always. Fails if writing goes on behind it."""
    model = made()
    model.output.bias[...] = model.output.bias[...].at[EOS].set(1e4)
    state, written = wrote(model, fresh(model), [5, 0, 5])
    assert written.tokens[:, 0].tolist() == [EOS, 0, EOS]
    assert not written.tokens[:, 1:].any()
    assert written.ended.tolist() == [True, False, True]
    assert state.drawn.tolist() == [1, 0, 1]


def test_bytes_are_written_as_text():
    """Weights that know nothing of UTF-8. Fails if the grammar is not kept to."""
    tokenizer = ByteTokenizer()
    model = made(ids=len(tokenizer))
    state = fresh(model)._replace(used=jnp.zeros((3, len(tokenizer)), bool))
    state, first = wrote(model, state, [8] * 3, grammar=tokenizer.grammar)
    _, second = wrote(model, state, [8] * 3, grammar=tokenizer.grammar)
    whole = tokenizer.grammar.whole
    for row in range(3):
        ids = np.concatenate([first.tokens[row], second.tokens[row]])
        text = ids[: np.flatnonzero(whole(ids))[-1] + 1]
        assert "\ufffd" not in tokenizer.decode(text[text > 3])


def test_nothing_that_is_not_text_is_written():
    model = made()
    model.output.bias[...] = model.output.bias[...].at[:3].set(1e4)
    _, written = wrote(model, fresh(model), [8, 8, 8])
    assert (written.tokens >= EOS).all() or written.ended.any()


def test_what_is_seen_equals_single_steps():
    """The alternatives and the cells, read and written. Fails if a cell is shown of another step,
    row or layer than the token's."""
    model, ids = made(layers=2), text(rows=2)
    _, seen = prefill(model, fresh(model, 2), ids, jnp.array([9, 9]), watching(2))
    _, written = wrote(model, fresh(model, 2), [8, 8])
    for row, tokens, found in [(1, ids[1], seen), (0, written.tokens[0], written.seen)]:
        past, before = model.config.past(1), BOS
        for place, token in enumerate(tokens[tokens > 0]):
            h, past = model.states(jnp.array([[before]]), jnp.array([1]), past)
            likelihoods = jax.nn.log_softmax(model.logits(h)[0, 0])
            np.testing.assert_allclose(found.activation[row, place, :4], h[0, 0, :4], atol=1e-4)
            best = found.top[row, place]
            assert list(best) == list(np.argsort(-likelihoods)[:5])
            np.testing.assert_allclose(
                found.top_likelihood[row, place], likelihoods[best], atol=1e-4
            )
            before = int(token)


def test_what_nobody_asks_for_is_not_worked_out():
    model = made()
    nobody = jax.tree.map(jnp.asarray, rows_of([(), ()], [False, False], 2))
    _, seen = prefill(model, fresh(model, 2), text(rows=2), jnp.array([9, 9]), nobody)
    assert not seen.top_likelihood.any()
