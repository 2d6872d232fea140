"""The expected time of a batch."""

import numpy as np
import pytest

from service.inference.batch_time import BatchTime


@pytest.mark.parametrize(("overhead", "per_token"), [(0.02, 1e-4), (0.0, 5e-5), (0.3, 1e-6)])
def test_overhead_and_time_per_token_are_found(overhead, per_token):
    """From batches of several sizes, whose times vary. Fails if the time of a long batch is guessed
    from short ones without their overhead."""
    random, time = np.random.default_rng(0), BatchTime(rows=64, tokens=4096)
    for _ in range(300):
        tokens = int(random.integers(1, 4096))
        time.observe(tokens, (overhead + per_token * tokens) * random.uniform(0.9, 1.1))
    for tokens in (1, 500, 4096):
        expected = overhead + per_token * tokens
        assert time.batch(tokens) == pytest.approx(expected, rel=0.15, abs=0.004)
    full = sum(time.part(64) for _ in range(64))
    assert full == pytest.approx(time.batch(4096))
    assert sum(time.part(1) for _ in range(64)) == pytest.approx(time.batch(64))


def test_batches_of_one_size_give_the_time_per_token():
    time = BatchTime(rows=64, tokens=4096)
    for _ in range(10):
        time.observe(100, 0.5)
    assert time.batch(100) == pytest.approx(0.5)
    assert time.batch(200) == pytest.approx(1.0)


def test_a_batch_that_took_long_is_forgotten():
    """Fails if one pause of the machine changes what is expected for good."""
    random, time = np.random.default_rng(0), BatchTime(rows=64, tokens=4096)
    time.observe(100, 60.0)
    for _ in range(300):
        tokens = int(random.integers(1, 4096))
        time.observe(tokens, 1e-4 * tokens)
    assert time.batch(4096) == pytest.approx(0.41, rel=0.1)
    time.observe(0, 1.0)  # a batch of texts without tokens
    assert time.batch(4096) == pytest.approx(0.41, rel=0.1)
