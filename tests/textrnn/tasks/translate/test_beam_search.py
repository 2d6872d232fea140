import jax
import jax.numpy as jnp
import numpy as np
import pytest

from support import reference
from support.small_search import (
    IDS,
    MAX_LENGTH,
    beam_parameters,
    problem,
    read,
    row_of,
    run,
)
from textrnn.tasks.translate.beam_search import search
from textrnn.tasks.translate.next_tokens import FactoredLogits


def same(result, expected):
    assert [h[0] for h in result] == [h[0] for h in expected]
    np.testing.assert_allclose([h[1] for h in result], [h[1] for h in expected], atol=1e-4)
    for mine, theirs in zip(result, expected, strict=True):
        np.testing.assert_allclose(mine[2], theirs[2], atol=1e-4)


@pytest.mark.parametrize("beam", [1, 2, 3, 5])
@pytest.mark.parametrize(("penalty", "least"), [(0.0, 0), (1.0, 0), (0.6, 3)])
def test_equals_the_reference_search(beam, penalty, least):
    """Tokens, log-probabilities and traces. Fails if a carry does not follow its hypothesis, a
    finished hypothesis continues, or a trace is read along the wrong path."""
    for seed in range(6):
        step, weights, carry = problem(4, seed)
        parameters = beam_parameters(4, beam=beam, length_penalty=penalty, min_length=least)
        result = run(weights, carry, parameters, 5)
        for row in range(4):
            expected = reference.beam_search(step, carry[row], beam, penalty, least, MAX_LENGTH)
            same(read(result, row)[:beam], expected)


def test_a_beam_of_one_is_greedy():
    step, weights, carry = problem(8)
    result = run(weights, carry, beam_parameters(8), 1)
    for row in range(8):
        tokens, state, last = [], carry[row], 2
        while len(tokens) < MAX_LENGTH:
            state, logits = step(state, last)
            last = int(logits.argmax())
            if last == 3:
                break
            tokens.append(last)
        assert read(result, row)[0][0] == tokens


def test_a_beam_as_wide_as_the_space_is_exhaustive():
    step, weights, carry = problem(3)
    result = run(weights, carry, beam_parameters(3, beam=200, max_length=3), 200)
    for row in range(3):
        every = sorted(reference.all_sequences(step, carry[row], 3), key=lambda s: -s[1])
        assert len(every) == 1 + 5 + 25 + 125
        there = read(result, row)
        assert len(there) == len(every)
        np.testing.assert_allclose([h[1] for h in there], [s[1] for s in every], atol=1e-4)
        assert [tuple(h[0]) for h in there[:20]] == [s[0] for s in every[:20]]


def test_rows_are_searched_independently():
    """Fails if the parameters or the end of one row change the hypotheses of another."""
    _, weights, carry = problem(5)
    mixed = beam_parameters(
        5, beam=[1, 4, 2, 3, 4], length_penalty=[0, 1, 0.5, 0, 2], max_length=[7, 2, 5, 7, 3],
        min_length=[0, 1, 0, 6, 0], no_repeat_ngram=[0, 2, 0, 1, 0],
        repetition_penalty=[1, 1, 3, 1, 1],
    )  # fmt: skip
    together = run(weights, carry, mixed, 4)
    for row in range(5):
        one = row_of(mixed, row)
        same(read(together, row), read(run(weights, carry[row : row + 1], one, 4), 0))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_ngram_occurs_twice(size):
    for seed in range(4):
        step, weights, carry = problem(4, seed)
        result = run(
            weights, carry, beam_parameters(4, beam=3, min_length=5, no_repeat_ngram=size), 3
        )
        for row in range(4):
            expected = reference.beam_search(
                step, carry[row], 3, 0.0, 5, MAX_LENGTH, no_repeat_ngram=size
            )
            same(read(result, row)[:3], expected)
            for tokens, _, _ in read(result, row):
                grams = [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]
                assert len(grams) == len(set(grams))


def test_length_limits_are_respected():
    _, weights, carry = problem(4)
    result = run(
        weights,
        carry,
        beam_parameters(4, beam=3, min_length=[0, 2, 4, 7], max_length=[1, 2, 6, 7]),
        3,
    )
    for row, (min_length, max_length) in enumerate([(0, 1), (2, 2), (4, 6), (7, 7)]):
        assert all(min_length <= len(h[0]) <= max_length for h in read(result, row))
        assert len(read(result, row)) == 3 or max_length == 1


def test_a_repetition_penalty_makes_repeats_rarer():
    _, weights, carry = problem(16)

    def repeats(penalty):
        parameters = beam_parameters(16, min_length=MAX_LENGTH, repetition_penalty=penalty)
        result = run(weights, carry, parameters, 1)
        return sum(MAX_LENGTH - len(set(read(result, row)[0][0])) for row in range(16))

    assert repeats(5.0) < repeats(1.0)


def test_the_loop_ends_when_all_rows_are_done():
    """Fails if the loop runs to its maximum length though every hypothesis is finished."""
    calls = []

    def step(carry, token, counts, copies):
        jax.debug.callback(lambda: calls.append(1))
        bias = jnp.full(IDS, -9.0).at[3].set(9.0)
        special = jnp.zeros((len(token), 4))
        return carry, FactoredLogits(carry, jnp.zeros((IDS, 1)), bias, special), token[:, None]

    result, _ = jax.jit(search, static_argnums=(0, 3, 4))(
        step, jnp.zeros((4, 1)), beam_parameters(4), 1, MAX_LENGTH
    )
    jax.block_until_ready(result)
    jax.effects_barrier()
    assert len(calls) == 1
    assert not result.lengths.any()


def test_a_row_that_is_done_costs_nothing():
    """Fails if a step works for hypotheses of rows that are done, or of slots that a row does not
    use."""
    counted = []

    def step(carry, token, counts, copies):
        jax.debug.callback(lambda counts: counted.append(counts.tolist()), counts)
        bias = jnp.zeros(IDS).at[3].set(9.0)
        special = jnp.zeros((len(token), 4))
        return carry, FactoredLogits(carry, jnp.zeros((IDS, 1)), bias, special), token[:, None]

    parameters = beam_parameters(4, beam=[1, 0, 2, 1], min_length=[0, 0, 3, 2])
    jax.block_until_ready(
        jax.jit(search, static_argnums=(0, 3, 4))(step, jnp.zeros((4, 1)), parameters, 3, 5)
    )
    jax.effects_barrier()
    assert counted == [[1, 0, 1, 1], [0, 0, 2, 1], [0, 0, 2, 1], [0, 0, 2, 0]]


def test_an_empty_batch_row_takes_no_steps():
    _, weights, carry = problem(2)
    result = run(weights, carry, beam_parameters(2, beam=[0, 2]), 2)
    assert not read(result, 0)
    assert read(result, 1)
