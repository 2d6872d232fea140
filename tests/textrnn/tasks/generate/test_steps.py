"""Prefill and decode with random weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from support.cells import NATIVE, each_cell, small
from support.ragged import to_ragged, to_rows
from textrnn.layers.embedding import EmbeddingConfig
from textrnn.layers.encoder import EncoderConfig
from textrnn.tasks.generate.capture import Captured, batch_capture_options, join
from textrnn.tasks.generate.network import Generator, GeneratorConfig
from textrnn.tasks.generate.option_arrays import sampling_parameters
from textrnn.tasks.generate.options import GenerateOptions
from textrnn.tasks.generate.state import GenerationState
from textrnn.tasks.generate.steps import decode, prefill
from textrnn.text import BOS, EOS, ByteTokenizer, CharTokenizer

pytestmark = pytest.mark.slow

IDS = 10
GRAMMAR = CharTokenizer(list("abcdef")).grammar
EVERY = [
    *each_cell(lambda cell: {"cell": cell}),
    *({"cell": cell, "layers": 2} for cell in NATIVE),
    {"layers": 2, "layer_norm": True, "residual": True},
    {"tied": True},
]
# One program for each model and shape; without them, each call would compile its loop again.
run_prefill = jax.jit(prefill)
run_decode = jax.jit(decode, static_argnames="max_length")


def made(cell="lstm", layers=1, tied=False, ids=IDS, **more):
    config = GeneratorConfig(
        embedding=EmbeddingConfig(size=6),
        encoder=EncoderConfig(
            cell=small(cell), layers=layers, hidden=8, bidirectional=False, joined=False, **more
        ),
        tied=tied,
    )
    model = Generator(config, ids, rngs=nnx.Rngs(0))
    # Larger weights, so that outputs depend on earlier tokens.
    graph, params = nnx.split(model)
    return nnx.merge(graph, jax.tree.map(lambda p: 4 * p, params))


def fresh(model, rows=3, seeds=(1, 2, 3)):
    zero = jnp.zeros(rows, jnp.int32)
    return GenerationState(
        past=model.config.past(rows), last=zero + BOS, used=jnp.zeros((rows, IDS), bool),
        seed=jnp.array(seeds[:rows], jnp.uint32), drawn=zero, grammar=zero,
    )  # fmt: skip


def texts(*lengths):
    """Random tokens, equal for all rows of one call and another as far as they go."""
    ids = np.random.default_rng(0).integers(4, IDS, (len(lengths), 9))
    return [row[:length] for row, length in zip(ids, lengths, strict=True)]


def wrote(model, state, count, options=None, max_length=8, grammar=GRAMMAR):
    rows = [options or GenerateOptions(temperature=1.0)] * len(state.seed)
    parameters, options = sampling_parameters(rows, state), capture_all(len(rows))
    return run_decode(model, state, jnp.asarray(count), parameters, grammar, max_length, options)


def capture_all(rows):
    """Options that capture everything for all rows."""
    return jax.tree.map(jnp.asarray, batch_capture_options([range(4)] * rows, [True] * rows, rows))


def reads(model, state, rows):
    """The state after the rows, and the captured values of each row."""
    ids, lengths = to_ragged(rows)
    state, captured = run_prefill(model, state, ids, lengths, capture_all(len(rows)))
    by_field = [to_rows(values, lengths) for values in captured]
    return state, [Captured(*values) for values in zip(*by_field, strict=True)]


def close(one, other):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), one, other)


@pytest.mark.parametrize("config", EVERY, ids=str)
def test_prefill_in_parts_equals_prefill_at_once(config):
    """For every cell and rows of unequal length, one of which reads nothing in the second part.
    Fails if the state is incomplete, or if padding or another row affects it."""
    model, rows = made(**config), texts(9, 3, 6)
    whole, expected = reads(model, fresh(model), rows)
    state, first = reads(model, fresh(model), [row[:4] for row in rows])
    state, second = reads(model, state, [row[4:] for row in rows])
    close(state, whole)
    for both, row in zip(zip(first, second, strict=True), expected, strict=True):
        close(join(both), row)


def test_log_probabilities_equal_single_steps():
    """Fails if a token is scored with the logits of another position."""
    model, (ids,) = made(layers=2), texts(9)
    _, (result,) = reads(model, fresh(model, 1), [ids])
    past, before = model.config.past(1), BOS
    for place, token in enumerate(ids):
        logits, past = model(jnp.array([before]), jnp.array([1]), past)
        np.testing.assert_allclose(
            result.log_probability[place], jax.nn.log_softmax(logits[0])[token], atol=1e-5
        )
        before = token


@pytest.mark.parametrize("config", EVERY, ids=str)
def test_prefill_of_decoded_tokens_equals_decode(config):
    """Log-probabilities and state. Fails if decoding steps differ from prefill, for any cell."""
    model = made(**config)
    start, _ = reads(model, fresh(model), texts(4, 2, 3))
    state, written = wrote(model, start, [8, 8, 8], GenerateOptions(temperature=0.7, top_k=4))
    again, captured = reads(model, start, [tokens[tokens > 0] for tokens in written.tokens])
    for row, expected in zip(captured, written.captured.log_probability, strict=True):
        close(row.log_probability, expected[: len(row.log_probability)])
    close(again._replace(drawn=state.drawn), state)


def test_decode_in_parts_equals_decode_at_once():
    """Fails if the state between two calls lacks a part that sampling depends on."""
    model = made(layers=2)
    whole, expected = wrote(model, fresh(model), [8, 8, 8])
    state, first = wrote(model, fresh(model), [3, 5, 1])
    state, second = wrote(model, state, [5, 3, 7])
    close(state, whole)
    for row, split in enumerate([3, 5, 1]):
        tokens = [*first.tokens[row, :split], *second.tokens[row, : 8 - split]]
        assert tokens == list(expected.tokens[row])
        assert not first.tokens[row, split:].any()


def test_greedy_decoding_takes_the_argmax():
    model = made()
    _, written = wrote(model, fresh(model), [6, 6, 6], GenerateOptions(temperature=0))
    past, before = model.config.past(1), BOS
    for place in range(6):
        logits, past = model(jnp.array([before]), jnp.array([1]), past)
        logits = jnp.where(GRAMMAR.allowed[0], logits[0], -jnp.inf)
        before = int(jnp.argmax(logits))
        assert (written.tokens[:, place] == before).all()


def test_a_row_alone_equals_the_row_in_a_batch():
    """Fails if sampling of a row depends on its position in the batch or on other rows."""
    model = made(layers=2)
    _, together = wrote(model, fresh(model), [8, 2, 5])
    for row, count in enumerate([8, 2, 5]):
        state = jax.tree.map(lambda a, row=row: a[row : row + 1], fresh(model))
        _, alone = wrote(model, state, [count])
        assert (alone.tokens[0] == together.tokens[row]).all()


def test_rows_that_decode_nothing_keep_their_state():
    """Exactly: their arrays are selected, not computed. Fails if other rows' steps reach them."""
    model = made()
    start, _ = reads(model, fresh(model), texts(9, 9, 9))
    state, written = wrote(model, start, [0, 4, 0])
    for row in (0, 2):
        pick = lambda tree, row=row: jax.tree.map(lambda a: a[row], tree)  # noqa: E731
        jax.tree.map(np.testing.assert_array_equal, pick(state), pick(start))
        assert not written.tokens[row].any()


def test_decode_stops_at_eos():
    """The model always predicts EOS. Fails if tokens follow it."""
    model = made()
    model.output.bias[...] = model.output.bias[...].at[EOS].set(1e4)
    state, written = wrote(model, fresh(model), [5, 0, 5])
    assert written.tokens[:, 0].tolist() == [EOS, 0, EOS]
    assert not written.tokens[:, 1:].any()
    assert written.ended.tolist() == [True, False, True]
    assert state.drawn.tolist() == [1, 0, 1]


def test_decoded_bytes_are_valid_utf8():
    """With random weights. Fails if the grammar is not enforced."""
    tokenizer = ByteTokenizer()
    model = made(ids=len(tokenizer))
    state = fresh(model)._replace(used=jnp.zeros((3, len(tokenizer)), bool))
    state, first = wrote(model, state, [8] * 3, grammar=tokenizer.grammar)
    _, second = wrote(model, state, [8] * 3, grammar=tokenizer.grammar)
    whole = tokenizer.grammar.completes_character
    for row in range(3):
        ids = np.concatenate([first.tokens[row], second.tokens[row]])
        text = ids[: np.flatnonzero(whole(ids))[-1] + 1]
        assert "\ufffd" not in tokenizer.decode(text[text > 3])


def test_special_tokens_are_never_decoded():
    """Though the model prefers them. Fails if PAD, UNK or BOS is allowed."""
    model = made()
    model.output.bias[...] = model.output.bias[...].at[:3].set(1e4)
    _, written = wrote(model, fresh(model), [8, 8, 8])
    assert (written.tokens >= EOS).all() or written.ended.any()


def test_captured_values_equal_single_steps():
    """Alternatives and cells, in prefill and decode. Fails if an activation is that of another
    step, row or layer."""
    model, rows = made(layers=2), texts(5, 9)
    _, captured = reads(model, fresh(model, 2), rows)
    _, written = wrote(model, fresh(model, 2), [8, 8])
    first = jax.tree.map(lambda values: values[0], written.captured)
    for tokens, result in [(rows[1], captured[1]), (written.tokens[0], first)]:
        past, before = model.config.past(1), BOS
        for place, token in enumerate(tokens[tokens > 0]):
            h, past = model.states(jnp.array([before]), jnp.array([1]), past)
            log_probabilities = jax.nn.log_softmax(model.logits(h)[0])
            np.testing.assert_allclose(result.activation[place, :4], h[0, :4], atol=1e-4)
            best = result.top_ids[place]
            assert list(best) == list(np.argsort(-log_probabilities)[:5])
            np.testing.assert_allclose(
                result.top_log_probability[place], log_probabilities[best], atol=1e-4
            )
            before = int(token)


def test_alternatives_are_captured_on_request_only():
    """Fails if the top-k of the whole vocabulary runs for every batch."""
    model = made()
    nothing = jax.tree.map(jnp.asarray, batch_capture_options([(), ()], [False, False], 2))
    _, captured = run_prefill(model, fresh(model, 2), *to_ragged(texts(9, 9)), nothing)
    assert not captured.top_log_probability.any()
