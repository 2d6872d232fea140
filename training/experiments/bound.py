"""The bound of a figure: what a network of an experiment reaches, or where it is known to fail."""

from abc import abstractmethod
from typing import Self

from pydantic import model_validator

from textrnn.config import Config


class Bound(Config):
    """A bound of a figure."""

    at_most: float | None = None
    """Of an error."""
    at_least: float | None = None
    """Of a share of right answers, or of the error of a network that is known to fail."""
    published: str
    """The figure of the literature, and where it stands."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """The name of the network's cell."""

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("expected at_most or at_least, and not both")
        return self

    def holds(self, figure: float) -> bool:
        """Whether the figure is within the bound."""
        if self.at_most is not None:
            return figure <= self.at_most
        return self.at_least is not None and figure >= self.at_least
