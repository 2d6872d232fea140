import jax
import jax.numpy as jnp
import numpy as np
import pytest

from support import reference
from textrnn.tasks.tag import crf

TOKENS, TAGS = 18, 3
LENGTHS = jnp.array([5, 1, 3, 0, 2, 4, 0])
ROWS = [slice(0, 5), slice(5, 6), slice(6, 9), slice(9, 9), slice(9, 11), slice(11, 15)]
"""The tokens of each row but the last, which is empty; three more are padding."""
ROUNDING = 1e-5
"""Four units in the last place of a float32 between 16 and 32."""


def problem(seed=0, forbid=False):
    draw = np.random.default_rng(seed)
    emissions = draw.normal(size=(TOKENS, TAGS)).astype(np.float32) * 2
    start, end = draw.normal(size=(2, TAGS)).astype(np.float32)
    transition = draw.normal(size=(TAGS, TAGS)).astype(np.float32) * 2
    if forbid:
        transition[0, 1] = transition[2, 2] = start[1] = crf.FORBIDDEN
    chain = crf.TransitionScores(*map(jnp.asarray, (start, transition, end)))
    return jnp.asarray(emissions), chain


def each_row(emissions, chain):
    """The number, the tokens and all paths of each row that has any."""
    for row, tokens in enumerate(ROWS):
        if tokens.start < tokens.stop:
            yield row, tokens, reference.all_paths(np.asarray(emissions[tokens]), *chain)


@pytest.mark.parametrize("forbid", [False, True])
def test_partition_is_the_sum_over_all_paths(forbid):
    emissions, chain = problem(forbid=forbid)
    result = jax.jit(crf.log_partition)(emissions, chain, LENGTHS)
    for row, _, paths in each_row(emissions, chain):
        expected = np.logaddexp.reduce([score for _, score in paths])
        assert result[row] == pytest.approx(expected, abs=1e-4)
    assert result[3] == result[6] == 0


@pytest.mark.parametrize("forbid", [False, True])
def test_viterbi_is_the_best_of_all_paths(forbid):
    for seed in range(5):
        emissions, chain = problem(seed, forbid)
        result = jax.jit(crf.viterbi)(emissions, chain, LENGTHS)
        for _, tokens, paths in each_row(emissions, chain):
            best, _ = max(paths, key=lambda path: path[1])
            assert tuple(result[tokens]) == best
        assert not result[ROWS[-1].stop :].any()


def test_probabilities_of_all_paths_sum_to_one():
    emissions, chain = problem()
    log_likelihood = jax.jit(crf.log_likelihood)
    for row, tokens, paths in each_row(emissions, chain):
        total = 0.0
        for path, score in paths:
            padded = np.zeros(TOKENS, int)
            padded[tokens] = path
            result = log_likelihood(emissions, chain, padded, LENGTHS)[row]
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
    for _, tokens, paths in each_row(emissions, chain):
        weights = np.exp([score for _, score in paths])
        best = path[tokens]
        of_row = crf.ForwardBackward(*(np.asarray(part)[tokens] for part in forward_backward))
        for start in range(len(best)):
            for end in range(start + 1, len(best) + 1):
                expected = tuple(best[start:end])
                share = sum(
                    weight
                    for (tags, _), weight in zip(paths, weights, strict=True)
                    if tags[start:end] == expected
                ) / sum(weights)
                assert np.exp(crf.span_log_probability(of_row, start, end)) == pytest.approx(
                    share, abs=1e-5
                )
    for part in forward_backward:
        assert not part[ROWS[-1].stop :].any()


@pytest.mark.parametrize("forbid", [False, True])
def test_the_gradient_of_the_partition_is_the_expected_counts(forbid):
    """Fails if the rule for the gradient leaves out a tag, a transition or the weight of a row."""
    emissions, chain = problem(forbid=forbid)
    weights = jnp.array([1.0, -2.0, 0.5, 9.0, 3.0, 1.5, 9.0])
    gradient, d_chain = jax.jit(
        jax.grad(lambda e, c: crf.log_partition(e, c, LENGTHS) @ weights, argnums=(0, 1))
    )(emissions, chain)
    expected, counts = np.zeros((TOKENS, TAGS)), [np.zeros_like(part) for part in chain]
    for row, tokens, paths in each_row(emissions, chain):
        each = np.exp([score for _, score in paths])
        for (path, _), share in zip(paths, weights[row] * each / each.sum(), strict=True):
            np.add.at(expected[tokens], (np.arange(len(path)), path), share)
            counts[0][path[0]] += share
            np.add.at(counts[1], (path[:-1], path[1:]), share)
            counts[2][path[-1]] += share
    np.testing.assert_allclose(gradient, expected, atol=1e-5)
    for part, count in zip(d_chain, counts, strict=True):
        np.testing.assert_allclose(part, count, atol=2e-5)


def test_padding_changes_nothing():
    """Fails if emissions at padding, or the amount of it, reach a result.

    The two programs sum in the same order but may be vectorised and fused differently, which
    changes the last bits: the bound is a few units in the last place of scores of up to about 30.
    """
    emissions, chain = problem()
    longer = jnp.concatenate([emissions[: ROWS[-1].stop], 99 * jnp.ones((9, TAGS))])
    np.testing.assert_allclose(
        crf.log_partition(emissions, chain, LENGTHS),
        crf.log_partition(longer, chain, LENGTHS),
        atol=ROUNDING,
    )
    path, padded = (crf.viterbi(e, chain, LENGTHS) for e in (emissions, longer))
    np.testing.assert_array_equal(path, padded[:TOKENS])
    for a, b in zip(
        crf.forward_backward(emissions, chain, path, LENGTHS),
        crf.forward_backward(longer, chain, padded, LENGTHS),
        strict=True,
    ):
        np.testing.assert_allclose(a, b[:TOKENS], atol=ROUNDING)


def test_long_sentences_stay_finite():
    emissions = 30 * jax.random.normal(jax.random.key(0), (2000, TAGS))
    _, chain = problem(forbid=True)
    length = jnp.array([2000])
    gradient = jax.jit(
        jax.grad(
            lambda e: crf.log_likelihood(e, chain, crf.viterbi(e, chain, length), length).sum()
        )
    )(emissions)
    assert np.isfinite(gradient).all()


def test_the_temperature_corrects_overconfident_scores():
    """Paths are sampled from the model itself, whose scores are then multiplied by 2.5. Fails if
    the temperature is its inverse, or scales only a part of the scores."""
    draw = np.random.default_rng(0)
    emissions, chain = problem()
    sentences = []
    for _, tokens, paths in [*each_row(emissions, chain)] * 240:
        weights = np.exp([score for _, score in paths])
        path, _ = paths[draw.choice(len(paths), p=weights / weights.sum())]
        sentences.append((np.asarray(2.5 * emissions[tokens]), np.array(path)))
    sure = crf.TransitionScores(*(2.5 * part for part in chain))
    assert crf.fit_path_temperature(sentences, sure, chunk=128) == pytest.approx(2.5, rel=0.1)


def test_an_empty_row_has_no_likelihood_and_no_gradient():
    """Fails if padding rows contribute to the loss or its gradient."""
    emissions, chain = problem()
    path, lengths = jnp.zeros(TOKENS, int), jnp.array([0, 2, 0, 0, 0])

    def total(chain, emissions, path, lengths):
        return crf.log_likelihood(emissions, chain, path, lengths).sum()

    measure = jax.jit(jax.value_and_grad(total))
    of_batch, d_batch = measure(chain, emissions, path, lengths)
    of_row, d_row = measure(chain, emissions[:2], path[:2], lengths[1:2])
    assert of_batch == pytest.approx(float(of_row))
    for whole, part in zip(d_batch, d_row, strict=True):
        np.testing.assert_allclose(whole, part, atol=1e-6)
