"""Searches that have to write phrases, copies or a given text."""

import numpy as np
import pytest

from support import reference
from support.small_search import MAX_LENGTH, beam_parameters, problem, read, run
from textrnn.tasks.translate.repetition import DISTANCE

CONTINUING, ROWS, WIDTH = 5, 5, 5


def search(weights, carry, rows=ROWS, width=WIDTH, phrases=(), **given):
    """A search in which each row has space for two phrases of three tokens."""
    array = np.zeros((rows, 2, 3), np.int32)
    for row, demanded in enumerate(phrases):
        for number, phrase in enumerate(demanded):
            array[row, number, : len(phrase)] = phrase
    return run(weights, carry, beam_parameters(rows, phrases=array, **given), width)


def count(tokens, phrase):
    """How often a phrase stands in a hypothesis, not continued by part of a word."""
    ended = [*tokens, 0]
    return sum(
        ended[i : i + len(phrase)] == list(phrase) and ended[i + len(phrase)] != CONTINUING
        for i in range(len(tokens) - len(phrase) + 1)
    )


DEMANDS = [[[4, 2]], [[4], [4]], [[2, 4, 4], [4, 2, 2]], [[4, 1]], [[1, 2], [2]]]


@pytest.mark.parametrize("beam", [1, 3, 5])
@pytest.mark.parametrize("longest", [MAX_LENGTH, 6])
def test_every_hypothesis_has_all_phrases(beam, longest):
    """Fails if a phrase is torn apart, continued as another word, counted twice, or left out where
    the length is nearly used up."""
    for seed in range(4):
        _, weights, carry = problem(ROWS, seed)
        result = search(
            weights, carry, beam=beam, length_penalty=1, max_length=longest, phrases=DEMANDS
        )
        for row, demanded in enumerate(DEMANDS):
            hypotheses = read(result, row)
            assert hypotheses
            for tokens, _, _ in hypotheses:
                assert len(tokens) <= longest
                for phrase in demanded:
                    assert count(tokens, phrase) >= demanded.count(phrase), (tokens, demanded)


def test_the_length_may_be_just_enough():
    """Fails if a hypothesis takes a token for which there is no space."""
    _, weights, carry = problem(ROWS)
    result = search(
        weights, carry, beam=[2, 2, 0, 0, 0], max_length=[4, 2, 0, 0, 0],
        phrases=[[[4, 2], [2, 2]], [[4], [4]]],
    )  # fmt: skip
    assert read(result, 0)
    assert all(sorted([h[0][:2], h[0][2:]]) == [[2, 2], [4, 2]] for h in read(result, 0))
    assert [h[0] for h in read(result, 1)] == [[4, 4]]


def test_a_beam_as_wide_as_the_space_finds_the_best():
    """Of all sequences with a token, by enumeration. Fails if a bank excludes a hypothesis, or
    constraints change its score."""
    step, weights, carry = problem(3)
    demands = [[[4]], [[2], [4]], []]
    result = search(weights, carry, 3, 200, demands, beam=200, max_length=3)
    for row, demanded in enumerate(demands):
        every = [
            (tokens, total)
            for tokens, total in reference.all_sequences(step, carry[row], 3)
            if all(count(list(tokens), phrase) for phrase in demanded)
        ]
        best = max(every, key=lambda sequence: sequence[1])
        tokens, total, _ = read(result, row)[0]
        assert tuple(tokens) == best[0]
        assert total == pytest.approx(best[1], abs=1e-4)


def test_rows_without_phrases_are_searched_as_if_alone():
    """To the bit. Fails if constraints of one row change the search of another."""
    _, weights, carry = problem(ROWS)
    given = {"beam": [1, 2, 3, 4, 5], "length_penalty": 1}
    alone = search(weights, carry, **given)
    together = search(weights, carry, phrases=[[], [[4, 2]]], **given)
    for row in (0, 2, 3, 4):
        for one, other in zip(read(alone, row), read(together, row), strict=True):
            assert one[:2] == other[:2]
            np.testing.assert_array_equal(one[2], other[2])


def test_constrained_rows_are_searched_independently():
    _, weights, carry = problem(ROWS)
    beams = np.array([2, 3, 1, 5, 2])
    given = {"copies": [0, 2, 1, 0, 0], "phrases": [[[4, 2]], [], [[2], [4, 4, 2]], [[4]]]}
    together = search(weights, carry, beam=beams, **given)
    for row in range(ROWS):
        alone = search(weights, carry, beam=beams * (np.arange(ROWS) == row), **given)
        assert [h[0] for h in read(together, row)] == [h[0] for h in read(alone, row)]


@pytest.mark.parametrize("longest", [3, MAX_LENGTH])
def test_all_words_are_copied(longest):
    """Fails if a hypothesis may end, or use up its length, before it has copied all words."""
    for seed in range(4):
        _, weights, carry = problem(ROWS, seed)
        result = search(weights, carry, beam=3, max_length=longest, copies=[0, 1, 2, 3, 0])
        for row in range(4):
            assert read(result, row)
            assert all(h[0].count(1) >= row for h in read(result, row))


def test_a_forced_text_has_its_log_probability():
    """Compared with single steps, token by token. Fails if a forced token is skipped, a guard
    against loops excludes it, or totals belong to other steps."""
    step, weights, carry = problem(ROWS)
    targets = [[4, 4, 4, 4, 4, 4], [2, 5], [], [1], [5]]
    forced = np.zeros((ROWS, MAX_LENGTH + 1), np.int32)
    for row, target in enumerate(targets):
        forced[row, : len(target) + 1] = [*target, 3]
    lengths = [len(target) for target in targets]
    result = search(
        weights, carry, forced=forced, min_length=lengths, max_length=lengths,
        repetitions=np.zeros((ROWS, DISTANCE)),
    )  # fmt: skip
    for row, target in enumerate(targets):
        (tokens, total, _), *others = read(result, row)
        assert tokens == target
        assert not others
        state, totals = carry[row], [0.0]
        for last, token in zip([2, *target], [*target, 3], strict=True):
            state, logits = step(state, last)
            totals.append(totals[-1] + reference.log_softmax(logits)[token])
        assert total == pytest.approx(totals[-1], abs=1e-4)
        np.testing.assert_allclose(result[0].totals[row, 0, : len(target)], totals[1:-1], atol=1e-4)
