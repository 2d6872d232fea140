"""What all recurrent cells have in common.

    cell.carry(rows)                  the state before the first step
    cell.project(x)                   everything that does not depend on the state, for all steps
    cell.step(carry, projected)       one step -> (carry, output)

The carry is any pytree of float arrays of [rows, ...]: a state vector, a memory matrix, a stack.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from textrnn.config import Config

Carry = Any
"""A pytree of float arrays of [rows, ...]."""
Projected = Float[Array, "rows features"]


class NoOptions(Config):
    """A cell that has a size and nothing else to choose."""


class Cell(nnx.Module):
    """One step of a recurrent network.

    A new cell is a subclass and an entry of `registry.CELLS`. At a carry and an input of zeros,
    `step` and its gradient must be finite: rows that have ended are computed from these. Raises
    ValueError for options that do not fit the size.
    """

    options_type: ClassVar[type[Config]] = NoOptions
    """The options beside the size."""
    bridged: ClassVar[int] = 0
    """Arrays at the end of the carry, each of [rows, hidden], that a decoder may start from the
    encoded source instead of from the initial carry."""

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        self.inputs = inputs
        self.hidden = hidden
        self.options = options

    @classmethod
    def initial_carry(cls, rows: int, hidden: int, options: Any) -> Carry:
        """The state before the first step. One vector of zeros, unless a cell says otherwise."""
        return (jnp.zeros((rows, hidden)),)

    def carry(self, rows: int) -> Carry:
        """The state of `rows` rows before the first step."""
        return self.initial_carry(rows, self.hidden, self.options)

    @abstractmethod
    def project(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch features"]:
        """What `step` needs of the input, for any number of steps at once."""

    @abstractmethod
    def step(self, carry: Carry, projected: Projected) -> tuple[Carry, Float[Array, "rows hidden"]]:
        """One time step: the new carry and the output."""
