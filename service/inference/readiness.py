"""Whether the server takes requests."""

from dataclasses import dataclass

from service.errors import unavailable


@dataclass
class Readiness:
    """Set by the lifecycle of the server, checked before each request."""

    warm: bool = False
    """Whether all models are ready."""
    draining: bool = False
    """Whether the server is shutting down."""

    @property
    def accepting(self) -> bool:
        return self.warm and not self.draining

    def check(self) -> None:
        """Raises Problem 503 if the server takes no requests."""
        if self.draining:
            raise unavailable("the server is shutting down; send the request to another one")
        if not self.warm:
            raise unavailable("the models are warming up; try again in a second")
