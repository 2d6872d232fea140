"""Associative memories: networks whose state settles on a stored pattern.

    HopfieldNetwork.store(patterns).recall(damaged)
    BidirectionalMemory.store(pairs of patterns).recall(one side)
    modern_recall(patterns, damaged)

Classical networks store patterns of -1 and 1 in a weight matrix: about 0.14 patterns a unit
(Hopfield 1982; Amit et al. 1985), fewer if they resemble each other. The modern network keeps the
patterns themselves, and its capacity grows exponentially with the number of units.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


class HopfieldNetwork(NamedTuple):
    """A classical Hopfield network (Hopfield 1982), with units of -1 and 1.

    His units are 0 and 1, and are updated in random order; here they are updated in turn.
    """

    weights: Float[Array, "units units"]

    @classmethod
    def store(cls, patterns: Float[Array, "entries units"]) -> "HopfieldNetwork":
        """A network of the patterns, by Hebb's rule: W = sum of x x^T / units, without diagonal."""
        units = patterns.shape[1]
        weights = patterns.T @ patterns / units
        return cls(weights * (1 - jnp.eye(units)))

    def energy(self, state: Float[Array, " units"]) -> Float[Array, ""]:
        """-x^T W x / 2, which no update raises."""
        return -state @ self.weights @ state / 2

    def update(self, state: Float[Array, " units"]) -> Float[Array, " units"]:
        """Each unit in turn takes the sign of what it reads, or stays if that is zero."""

        def unit(index: Array, state: Array) -> Array:
            field = self.weights[index] @ state
            return state.at[index].set(jnp.where(field == 0, state[index], jnp.sign(field)))

        return lax.fori_loop(0, len(state), unit, state)

    def recall(self, state: Float[Array, " units"]) -> Float[Array, " units"]:
        """The fixed point that the state settles on. It is reached, since the energy falls."""

        def changes(states: tuple[Array, Array]) -> Array:
            return (states[0] != states[1]).any()

        def again(states: tuple[Array, Array]) -> tuple[Array, Array]:
            return states[1], self.update(states[1])

        return lax.while_loop(changes, again, (state, self.update(state)))[1]


class BidirectionalMemory(NamedTuple):
    """A bidirectional associative memory (BAM; Kosko 1988): pairs of patterns of -1 and 1."""

    weights: Float[Array, "inputs outputs"]

    @classmethod
    def store(
        cls, first: Float[Array, "entries inputs"], second: Float[Array, "entries outputs"]
    ) -> "BidirectionalMemory":
        """A memory of the pairs: W = sum of x y^T."""
        return cls(first.T @ second)

    def energy(
        self, first: Float[Array, " inputs"], second: Float[Array, " outputs"]
    ) -> Float[Array, ""]:
        """-x^T W y, which no update raises."""
        return -first @ self.weights @ second

    def recall(
        self, first: Float[Array, " inputs"]
    ) -> tuple[Float[Array, " inputs"], Float[Array, " outputs"]]:
        """The pair that both sides settle on, from a damaged first side."""

        def settled(before: Array, field: Array) -> Array:
            return jnp.where(field == 0, before, jnp.sign(field))

        def again(pair: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            first, second, _ = pair
            new = settled(first, second @ self.weights.T)
            after = settled(second, new @ self.weights)
            return new, after, (new != first).any() | (after != second).any()

        second = settled(jnp.ones(self.weights.shape[1]), first @ self.weights)
        start = (first, second, jnp.array(True))
        first, second, _ = lax.while_loop(lambda pair: pair[2], again, start)
        return first, second


def modern_recall(
    patterns: Float[Array, "entries units"],
    state: Float[Array, " units"],
    sharpness: float = 1.0,
    steps: int = 3,
) -> Float[Array, " units"]:
    """The state of a modern Hopfield network after some updates, x <- softmax(b P x) P.

    The update rule of Ramsauer et al. 2021. One update mostly suffices. Patterns are any vectors;
    the sharper, the less they mix.
    """
    for _ in range(steps):
        state = jax.nn.softmax(sharpness * (patterns @ state)) @ patterns
    return state


def modern_energy(
    patterns: Float[Array, "entries units"], state: Float[Array, " units"], sharpness: float = 1.0
) -> Float[Array, ""]:
    """What `modern_recall` lowers: the energy of Ramsauer et al. 2021 without its constants."""
    overlap = jax.nn.logsumexp(sharpness * (patterns @ state)) / sharpness
    return state @ state / 2 - overlap
