"""Tokens of ragged rows, step by step."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from textrnn.layers.axes import Lengths
from textrnn.layers.cells.cell import Carry
from textrnn.layers.ragged import row_starts

Step = Int[Array, ""]


def count_steps(lengths: Lengths) -> Step:
    """The length of the longest row."""
    return jnp.max(jnp.asarray(lengths), initial=0)


def tokens_at(
    step: Step, lengths: Lengths, capacity: int, reverse: bool
) -> tuple[Int[Array, " rows"], Bool[Array, " rows"]]:
    """The token that each row reads at a step, `capacity` if it has ended, and whether it has
    not."""
    running = step < lengths
    position = lengths - 1 - step if reverse else step
    return jnp.where(running, row_starts(lengths) + position, capacity), running


def read_tokens(
    array: Float[Array, "tokens ..."], tokens: Int[Array, " rows"]
) -> Float[Array, "rows ..."]:
    """The entry of each row's token, and zeros for a row that has ended."""
    return array.at[tokens].get(mode="fill", fill_value=0)


def write_tokens(
    array: Float[Array, "tokens ..."],
    value: Float[Array, "rows ..."],
    tokens: Int[Array, " rows"],
) -> Float[Array, "tokens ..."]:
    """The array with the entry of each row's token set. A row that has ended sets none."""
    return array.at[tokens].set(value, mode="drop")


def select(running: Bool[Array, " rows"], new: Carry, old: Carry) -> Carry:
    """The new carry of rows that run, and the old one of others."""

    def choose(new: Array, old: Array) -> Array:
        return jnp.where(running.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return jax.tree.map(choose, new, old)
