import jax
import jax.numpy as jnp
import numpy as np
import pytest

from support import reference
from textrnn.tasks.tag import crf

TIME, TAGS = 5, 3
LENGTHS = jnp.array([5, 1, 3, 2, 4])
ROUNDING = 1e-5
"""Four units in the last place of a float32 between 16 and 32."""


def problem(seed=0, forbid=False):
    draw = np.random.default_rng(seed)
    emissions = draw.normal(size=(TIME, len(LENGTHS), TAGS)).astype(np.float32) * 2
    start, end = draw.normal(size=(2, TAGS)).astype(np.float32)
    transition = draw.normal(size=(TAGS, TAGS)).astype(np.float32) * 2
    if forbid:
        transition[0, 1] = transition[2, 2] = start[1] = crf.FORBIDDEN
    chain = crf.TransitionScores(*map(jnp.asarray, (start, transition, end)))
    return jnp.asarray(emissions), chain


def each_row(emissions, chain):
    for row, length in enumerate(LENGTHS.tolist()):
        yield row, length, reference.all_paths(np.asarray(emissions[:length, row]), *chain)


@pytest.mark.parametrize("forbid", [False, True])
def test_partition_is_the_sum_over_all_paths(forbid):
    emissions, chain = problem(forbid=forbid)
    result = jax.jit(crf.log_partition)(emissions, chain, LENGTHS)
    for row, _, paths in each_row(emissions, chain):
        expected = np.logaddexp.reduce([score for _, score in paths])
        assert result[row] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("forbid", [False, True])
def test_viterbi_is_the_best_of_all_paths(forbid):
    for seed in range(5):
        emissions, chain = problem(seed, forbid)
        result = jax.jit(crf.viterbi)(emissions, chain, LENGTHS)
        for row, length, paths in each_row(emissions, chain):
            best, _ = max(paths, key=lambda path: path[1])
            assert tuple(result[:length, row]) == best
            assert not result[length:, row].any()


def test_probabilities_of_all_paths_sum_to_one():
    emissions, chain = problem()
    for row, length, paths in each_row(emissions, chain):
        total = 0.0
        for path, score in paths:
            padded = np.zeros((TIME, len(LENGTHS)), int)
            padded[:length, row] = path
            result = crf.log_likelihood(emissions, chain, jnp.asarray(padded), LENGTHS)[row]
            partition = np.logaddexp.reduce([other for _, other in paths])
            assert result == pytest.approx(score - partition, abs=1e-4)
            total += np.exp(result)
            if len(paths) > 30:
                break
        else:
            assert total == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("forbid", [False, True])
def test_a_span_has_the_probability_of_the_paths_that_contain_it(forbid):
    """Fails if the transitions into or out of the span are counted twice or left out."""
    emissions, chain = problem(3, forbid)
    path = crf.viterbi(emissions, chain, LENGTHS)
    forward_backward = jax.jit(crf.forward_backward)(emissions, chain, path, LENGTHS)
    for row, length, paths in each_row(emissions, chain):
        weights = np.exp([score for _, score in paths])
        of_row = crf.ForwardBackward(*(np.asarray(part)[:, row] for part in forward_backward))
        for start in range(length):
            for end in range(start + 1, length + 1):
                expected = tuple(path[start:end, row])
                share = sum(
                    weight
                    for (tags, _), weight in zip(paths, weights, strict=True)
                    if tags[start:end] == expected
                ) / sum(weights)
                assert np.exp(crf.span_log_probability(of_row, start, end)) == pytest.approx(
                    share, abs=1e-5
                )


def test_the_gradient_of_the_partition_is_the_marginals():
    emissions, chain = problem()
    gradient = jax.grad(lambda e: crf.log_partition(e, chain, LENGTHS).sum())(emissions)
    for row, length, paths in each_row(emissions, chain):
        weights = np.exp([score for _, score in paths])
        for time in range(length):
            for tag in range(TAGS):
                share = sum(
                    w for (p, _), w in zip(paths, weights, strict=True) if p[time] == tag
                ) / sum(weights)
                assert gradient[time, row, tag] == pytest.approx(share, abs=1e-5)
        assert not np.asarray(gradient[length:, row]).any()


def test_padding_changes_nothing():
    """Fails if emissions at padding, or the amount of it, reach a result.

    The two programs sum in the same order but may be vectorised and fused differently, which
    changes the last bits: the bound is a few units in the last place of scores of up to about 30.
    """
    emissions, chain = problem()
    longer = jnp.concatenate([emissions, 99 * jnp.ones((4, *emissions.shape[1:]))])
    np.testing.assert_allclose(
        crf.log_partition(emissions, chain, LENGTHS),
        crf.log_partition(longer, chain, LENGTHS),
        atol=ROUNDING,
    )
    path, padded = (crf.viterbi(e, chain, LENGTHS) for e in (emissions, longer))
    np.testing.assert_array_equal(path, padded[:TIME])
    for a, b in zip(
        crf.forward_backward(emissions, chain, path, LENGTHS),
        crf.forward_backward(longer, chain, padded, LENGTHS),
        strict=True,
    ):
        for row, length in enumerate(LENGTHS):
            np.testing.assert_allclose(a[:length, row], b[:length, row], atol=ROUNDING)


def test_long_sentences_stay_finite():
    emissions = 30 * jax.random.normal(jax.random.key(0), (2000, 1, TAGS))
    _, chain = problem(forbid=True)
    length = jnp.array([2000])
    gradient = jax.grad(
        lambda e: crf.log_likelihood(e, chain, crf.viterbi(e, chain, length), length).sum()
    )(emissions)
    assert np.isfinite(gradient).all()


def test_the_temperature_corrects_overconfident_scores():
    """Paths are sampled from the model itself, whose scores are then multiplied by 2.5. Fails if
    the temperature is its inverse, or scales only a part of the scores."""
    draw = np.random.default_rng(0)
    emissions, chain = problem()
    sentences = []
    for row, length, paths in [*each_row(emissions, chain)] * 60:
        weights = np.exp([score for _, score in paths])
        path, _ = paths[draw.choice(len(paths), p=weights / weights.sum())]
        sentences.append((np.asarray(2.5 * emissions[:length, row]), np.array(path)))
    sure = crf.TransitionScores(*(2.5 * part for part in chain))
    assert crf.fit_path_temperature(sentences, sure, chunk=128) == pytest.approx(2.5, rel=0.15)


def test_an_empty_row_has_no_likelihood_and_no_gradient():
    """Fails if padding rows contribute to the loss or its gradient."""
    emissions, chain = problem()
    path, lengths = jnp.zeros((TIME, len(LENGTHS)), int), jnp.array([0, 2, 0, 0, 0])

    def total(chain):
        return crf.log_likelihood(emissions, chain, path, lengths).sum()

    alone = crf.log_likelihood(emissions[:, 1:2], chain, path[:, 1:2], lengths[1:2]).sum()
    assert total(chain) == pytest.approx(float(alone))
    lone = jax.grad(
        lambda c: crf.log_likelihood(emissions[:, 1:2], c, path[:, 1:2], lengths[1:2]).sum()
    )(chain)
    for whole, part in zip(jax.grad(total)(chain), lone, strict=True):
        np.testing.assert_allclose(whole, part, atol=1e-6)
