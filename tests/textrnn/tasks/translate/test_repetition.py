"""Hypotheses that would repeat themselves."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from support.small_search import IDS, MAX_LENGTH, beam_parameters, read
from textrnn.tasks.translate.beam_search import search
from textrnn.tasks.translate.next_tokens import FactoredLogits
from textrnn.tasks.translate.repetition import DISTANCE, longest_repetitions


def looping(cycle, carry, token, counts, copies):
    """The next token of a cycle is by far the most probable one, the end the least."""
    position = carry % len(cycle)
    likely = jnp.array(cycle)[position]
    output = jax.nn.one_hot(likely, IDS) * 9
    bias = jnp.zeros(IDS).at[3].set(-9.0)
    special = jnp.zeros((len(token), 4))
    return carry + 1, FactoredLogits(output, jnp.eye(IDS), bias, special), token[None]


def best(cycle, repetitions, **given):
    parameters = beam_parameters(1, beam=2, repetitions=repetitions[None], **given)
    step = partial(looping, cycle)
    result = jax.jit(search, static_argnums=(0, 3, 4))(
        step, jnp.zeros(1, jnp.int32), parameters, 2, MAX_LENGTH
    )
    return read(result, 0)[0][0]


def repeated(tokens, distance):
    """How many tokens in a row equal those so many before, at most."""
    longest = run = 0
    for one, other in zip(tokens[distance:], tokens, strict=False):
        run = run + 1 if one == other else 0
        longest = max(longest, run)
    return longest


@pytest.mark.parametrize("cycle", [[4], [4, 5], [4, 2, 5]])
def test_a_loop_ends(cycle):
    """Fails if the model's favourite continuation is a loop and the search follows it."""
    free = best(cycle, np.full(DISTANCE, MAX_LENGTH))
    assert free == (cycle * MAX_LENGTH)[:MAX_LENGTH]
    kept = best(cycle, np.zeros(DISTANCE, np.int32))
    assert repeated(kept, len(cycle)) <= (2 if len(cycle) == 1 else 3)


def test_tokens_that_differ_in_case_alone_are_a_loop():
    """Fails if "x X x X" is no repetition of a token."""
    folded = np.arange(IDS)
    folded[5] = 4
    kept = best([4, 5], np.zeros(DISTANCE, np.int32), folded=folded)
    assert repeated(folded[kept].tolist(), 1) <= 2


def test_a_loop_of_the_source_may_stay():
    source = np.array([7, 8, 7, 8, 7, 8, 7, 8, 3])
    assert best([4, 5], longest_repetitions(source)) == [4, 5, 4, 5, 4, 5, 4]
    assert repeated(best([4], longest_repetitions(source)), 1) <= 2


def test_repetitions_of_a_source_are_counted():
    """Compared with a loop over all places. Fails if a run is cut off at an end, or UNK counts."""
    draw = np.random.default_rng(0)
    for length in [0, 1, 2, 3, *draw.integers(4, 40, 30)]:
        ids = draw.integers(4, 6, length)
        expected = [repeated(ids.tolist(), distance) for distance in range(1, DISTANCE + 1)]
        assert longest_repetitions(ids).tolist() == expected
    assert not longest_repetitions(np.ones(9, np.int32)).any()
