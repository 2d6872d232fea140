import jax
import jax.numpy as jnp
import numpy as np
import pytest

from support.reference import log_softmax
from textrnn.layers.losses import token_cross_entropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_equals_its_definition(smoothing):
    """Fails if smoothing is spread over the other ids only, or the target keeps all of its mass."""
    logits = jax.random.normal(jax.random.key(0), (3, 2, 5))
    targets = jnp.array([[0, 4], [2, 2], [1, 3]])
    losses = token_cross_entropy(logits, targets, smoothing)
    for index in np.ndindex(3, 2):
        distribution = np.full(5, smoothing / 5)
        distribution[targets[index]] += 1 - smoothing
        expected = -(distribution * log_softmax(np.asarray(logits[index]))).sum()
        np.testing.assert_allclose(losses[index], expected, atol=1e-5)
