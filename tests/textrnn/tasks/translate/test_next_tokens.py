import jax
import jax.numpy as jnp
import numpy as np
import pytest

from support import reference
from textrnn.layers.masking import MASKED
from textrnn.platform import tracing_for
from textrnn.tasks.translate.next_tokens import FactoredLogits, next_tokens
from textrnn.text import EOS, UNK

SPACE = 60


def made(count, features, ids, seed=0):
    """Logits of `count` hypotheses in a batch of `SPACE`, and all of their values in float64."""
    draw = np.random.default_rng(seed)
    output = draw.normal(size=(SPACE, features)).astype(np.float32)
    table = (draw.normal(size=(ids, features)) * 2 / features**0.5).astype(np.float32)
    bias = draw.normal(size=ids).astype(np.float32)
    special = draw.normal(size=(SPACE, 4)).astype(np.float32)
    special[::2, UNK] = MASKED
    values = output.astype(np.float64) @ table.T + bias
    values[:, :4] += special
    return FactoredLogits(*map(jnp.asarray, (output, table, bias, special))), values[:count]


@pytest.mark.parametrize("platform", ["cpu", "tpu"])
@pytest.mark.parametrize(
    ("count", "features", "ids", "width"),
    [
        *((count, 33, 103, 3) for count in (0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 33, 60)),
        (5, 1, 5, 4),
        (9, 16, 4, 1),
        (2, 64, 1000, 12),
        (60, 64, 1000, 12),
        (60, 256, 4000, 5),
    ],
)
def test_equals_sorting_all_log_probabilities(count, features, ids, width, platform):
    """Fails if a token is left out or counted twice, EOS is among the others, or an adjustment is
    added after normalisation."""
    logits, values = made(count, features, ids)
    counts = jnp.array([count // 2, 0, count - count // 2])
    with tracing_for(platform):
        result = jax.jit(next_tokens, static_argnums=2)(logits, counts, width)
    for row in range(count):
        expected = reference.log_softmax(values[row])
        np.testing.assert_allclose(result.end[row], expected[EOS], atol=2e-5)
        expected[EOS] = -np.inf
        best = np.argsort(-expected)[:width]
        assert result.ids[row].tolist() == best.tolist()
        np.testing.assert_allclose(result.log_probabilities[row], expected[best], atol=2e-5)


@pytest.mark.parametrize("platform", ["cpu", "tpu"])
@pytest.mark.parametrize("count", [3, 40])
def test_of_equal_tokens_the_first_is_better(count, platform):
    """Fails if the order of equal log-probabilities depends on how the vocabulary is divided."""
    logits, _ = made(count, 64, 5000)
    logits = logits._replace(
        table=jnp.zeros_like(logits.table), bias=jnp.zeros(5000), special=jnp.zeros((SPACE, 4))
    )
    with tracing_for(platform):
        result = jax.jit(next_tokens, static_argnums=2)(logits, jnp.array([count]), 6)
    assert (result.ids[:count] == jnp.array([0, 1, 2, 4, 5, 6])).all()


@pytest.mark.parametrize("platform", ["cpu", "tpu"])
def test_all_tokens_of_a_small_vocabulary(platform):
    """Fails if a beam wider than the vocabulary is rejected."""
    logits, _ = made(2, 8, 7)
    with tracing_for(platform):
        result = next_tokens(logits, jnp.array([2]), 100)
    assert sorted(result.ids[0].tolist()) == [0, 1, 2, 4, 5, 6]
