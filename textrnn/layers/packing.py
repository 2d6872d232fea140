"""Weights in the order of the native kernels, for inference."""

from abc import abstractmethod

from flax import nnx


class Packable(nnx.Module):
    """A module with weights for native kernels."""

    @abstractmethod
    def pack(self) -> None:
        """Bring them into the order of the kernels."""


def pack_layers(model: nnx.Module) -> None:
    """Bring the weights of a model into the order of the native kernels, once, instead of at each
    call."""
    for node in [node for _, node in nnx.iter_graph(model) if isinstance(node, Packable)]:
        node.pack()
