"""The laws of associative memories, and the repair of damaged words."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from textrnn.layers.associative import (
    BidirectionalMemory,
    HopfieldNetwork,
    modern_energy,
    modern_recall,
)

UNITS = 200


def signs(*shape, seed=0):
    return np.random.default_rng(seed).choice([-1.0, 1.0], size=shape).astype("f")


def damaged(pattern, share, seed=1):
    flips = np.random.default_rng(seed).random(pattern.shape) < share
    return np.where(flips, -pattern, pattern)


recall = jax.jit(HopfieldNetwork.recall)


def test_few_patterns_are_fixed_points_and_are_repaired():
    patterns = signs(10, UNITS)
    network = HopfieldNetwork.store(jnp.asarray(patterns))
    for pattern in patterns:
        np.testing.assert_array_equal(network.update(jnp.asarray(pattern)), pattern)
        np.testing.assert_array_equal(recall(network, jnp.asarray(damaged(pattern, 0.1))), pattern)


def test_the_energy_never_rises():
    network = HopfieldNetwork.store(jnp.asarray(signs(30, UNITS)))
    state = jnp.asarray(signs(UNITS, seed=2))
    energies = []
    for _ in range(6):
        energies.append(float(network.energy(state)))
        state = network.update(state)
    assert energies == sorted(energies, reverse=True)
    assert energies[0] > energies[-1]
    assert float(network.energy(recall(network, state))) <= energies[-1]


def test_the_capacity_is_about_a_seventh_of_the_units():
    """Below it patterns stay almost as they are, above it they are lost (Amit et al. 1985)."""

    def kept(count):
        patterns = signs(count, 400, seed=count)
        network = HopfieldNetwork.store(jnp.asarray(patterns))
        settled = [recall(network, jnp.asarray(pattern)) for pattern in patterns[:10]]
        return np.mean([np.mean(s == p) for s, p in zip(settled, patterns, strict=False)])

    assert kept(int(0.10 * 400)) > 0.98
    assert kept(int(0.30 * 400)) < 0.90


def test_a_pair_is_recalled_from_either_damaged_side():
    first, second = signs(5, 100), signs(5, 60, seed=3)
    memory = BidirectionalMemory.store(jnp.asarray(first), jnp.asarray(second))
    backward = BidirectionalMemory.store(jnp.asarray(second), jnp.asarray(first))
    for x, y in zip(first, second, strict=True):
        found, other = memory.recall(jnp.asarray(damaged(x, 0.1)))
        np.testing.assert_array_equal(found, x)
        np.testing.assert_array_equal(other, y)
        np.testing.assert_array_equal(backward.recall(jnp.asarray(damaged(y, 0.1)))[1], x)
        noise = jnp.asarray(damaged(x, 0.4))
        settled = memory.recall(noise)
        assert memory.energy(*settled) <= memory.energy(noise, jnp.sign(noise @ memory.weights))


def test_the_modern_network_keeps_more_patterns_than_units():
    """Fails if its capacity is that of the classical one."""
    patterns = jnp.asarray(np.random.default_rng(0).normal(size=(500, 50)), jnp.float32)
    noise = 0.3 * np.random.default_rng(1).normal(size=50)
    for pattern in patterns[:10]:
        state = jnp.asarray(pattern + noise, jnp.float32)
        np.testing.assert_allclose(modern_recall(patterns, state), pattern, atol=1e-2)
        states = [modern_recall(patterns, state, steps=steps) for steps in range(4)]
        energies = np.array([modern_energy(patterns, each) for each in states])
        assert (np.diff(energies) <= 1e-4).all()
        assert energies[1] < energies[0]


WORDS = ["entertainment", "international", "communication", "extraordinary", "understanding"]


def letters(words):
    """A word of 13 letters as a vector of -1 and 1: one of 27 places for each letter."""
    codes = np.array([[" abcdefghijklmnopqrstuvwxyz".index(letter) for letter in w] for w in words])
    return (2 * np.eye(27)[codes].reshape(len(words), -1) - 1).astype("f")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("entartainmant", "entertainment"),
        ("intrenational", "international"),
        ("comunnication", "communication"),
        ("understandimg", "understanding"),
    ],
)
def test_a_damaged_word_is_repaired(typed, meant):
    """The modern network, with the letters of a word in their places."""
    words = jnp.asarray(letters(WORDS))
    repaired = modern_recall(words, jnp.asarray(letters([typed])[0]), sharpness=0.2)
    np.testing.assert_allclose(repaired, letters([meant])[0], atol=0.05)
