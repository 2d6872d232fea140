"""Sampling of tokens: frequencies, independence of rows, and seeds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from textrnn.tasks.generate.sampling import SamplingParameters, gumbel_noise, sample

LOGITS = jnp.log(jnp.array([0.4, 0.25, 0.15, 0.1, 0.06, 0.04]))
DRAWS = 8000


def sampling_parameters(rows, **changed):
    given = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "repetition_penalty": 1.0, "seed": 0}
    kinds = {"top_k": jnp.int32, "seed": jnp.uint32}
    return SamplingParameters(
        **{
            name: jnp.broadcast_to(jnp.asarray(value, kinds.get(name, jnp.float32)), (rows,))
            for name, value in (given | changed).items()
        }
    )


def draws(used=(), allowed=range(6), **options):
    """Many tokens at successive positions of one stream."""
    wide = (DRAWS, 6)
    marked = jnp.isin(jnp.arange(6), jnp.array(used, jnp.int32))
    free = jnp.isin(jnp.arange(6), jnp.array(list(allowed)))
    parameters = sampling_parameters(DRAWS, **options)
    return np.asarray(
        sample(
            jnp.broadcast_to(LOGITS, wide), jnp.broadcast_to(free, wide),
            jnp.broadcast_to(marked, wide), gumbel_noise(parameters.seed, jnp.arange(DRAWS), 6),
            parameters,
        )
    )  # fmt: skip


def agrees(tokens, probabilities):
    expected = np.asarray(probabilities, np.float64)
    expected /= expected.sum()
    counts = np.bincount(tokens, minlength=6)
    assert counts[expected == 0].sum() == 0
    real = expected > 0
    if real.sum() == 1:
        return
    assert chisquare(counts[real], expected[real] * len(tokens)).pvalue > 1e-3


P = np.exp(np.asarray(LOGITS))


@pytest.mark.parametrize(
    ("options", "probabilities"),
    [
        ({}, P),
        ({"temperature": 0.5}, P**2),
        ({"temperature": 3.0}, P ** (1 / 3)),
        ({"top_k": 2}, [0.4, 0.25, 0, 0, 0, 0]),
        ({"top_p": 0.64}, [0.4, 0.25, 0, 0, 0, 0]),
        ({"top_p": 0.66}, [0.4, 0.25, 0.15, 0, 0, 0]),
        ({"top_p": 1e-6}, [1, 0, 0, 0, 0, 0]),
        ({"top_k": 3, "top_p": 0.7}, [0.4, 0.25, 0, 0, 0, 0]),
        ({"top_k": 100}, P),
        # Its logits are negative: multiplied by 2 they are those of squares.
        ({"used": [0, 4], "repetition_penalty": 2.0}, [0.16, 0.25, 0.15, 0.1, 0.0036, 0.04]),
        ({"allowed": [1, 3]}, [0, 0.25, 0, 0.1, 0, 0]),
    ],
    ids=str,
)
def test_frequencies(options, probabilities):
    """Fails if an option is applied wrongly, in the wrong order, or not at all."""
    agrees(draws(**options), probabilities)


def test_positive_logits_are_divided_by_the_penalty():
    """Fails if the penalty makes used tokens more probable."""
    logits, used = jnp.array([[2.0, 1.9]]), jnp.array([[True, False]])
    everything = jnp.ones((1, 2), bool)
    options = sampling_parameters(1, temperature=0, repetition_penalty=1.5)
    assert sample(logits, everything, used, jnp.zeros((1, 2)), options)[0] == 1


@pytest.mark.parametrize("options", [{"temperature": 0}, {"top_k": 1}, {"top_p": 1e-9}], ids=str)
def test_greedy(options):
    assert set(draws(**options)) == {0}


def test_rows_are_independent():
    """Each row has its own options. Fails if noise is drawn for the batch instead of the row."""
    logits = jax.random.normal(jax.random.key(0), (4, 6))
    everything = jnp.ones((4, 6), bool)
    options = sampling_parameters(
        4, temperature=[0.0, 1.0, 0.7, 2.0], top_k=[0, 2, 0, 3], top_p=[1, 1, 0.5, 0.9],
        seed=[1, 2, 3, 4],
    )  # fmt: skip
    position = jnp.array([5, 0, 9, 2])
    noise = gumbel_noise(options.seed, position, 6)
    together = sample(logits, everything, ~everything, noise, options)
    for row in range(4):
        one = slice(row, row + 1)
        alone = sample(
            logits[one], everything[one], ~everything[one],
            gumbel_noise(options.seed[one], position[one], 6),
            jax.tree.map(lambda a, one=one: a[one], options),
        )  # fmt: skip
        assert alone[0] == together[row]


def test_seed_and_position_decide():
    assert (draws(seed=7) == draws(seed=7)).all()
    assert (draws(seed=7) != draws(seed=8)).mean() > 0.5
    first, second = draws(seed=7)[:-1], draws(seed=7)[1:]
    assert (first != second).mean() > 0.5
