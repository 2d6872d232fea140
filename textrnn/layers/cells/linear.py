"""Cells whose state is a linear function of the state before: h' = a h + b.

The coefficients depend on the input alone, so that all steps of a text can be computed at once by a
parallel scan (Martin and Cundy 2018; see `loops.linear`).
"""

from abc import abstractmethod

from jaxtyping import Array, Float

from textrnn.layers.cells.cell import Cell


class LinearCell(Cell):
    """A subclass gives `project` and `coefficients`."""

    bridged = 1

    @abstractmethod
    def coefficients(
        self, projected: Float[Array, "*batch features"]
    ) -> tuple[Float[Array, "*batch hidden"], Float[Array, "*batch hidden"]]:
        """a and b of each step."""

    def step(self, carry, projected):
        (h,) = carry
        a, b = self.coefficients(projected)
        h = a * h + b
        return (h,), h
