"""Weights in the order of the native kernels, for inference."""

from flax import nnx

from textrnn.layers.cells import Cell


def pack_layers(model: nnx.Module) -> None:
    """Bring the weights of all recurrent cells of a model into the order of the native kernels,
    once, instead of at each call."""
    for cell in [node for _, node in nnx.iter_graph(model) if isinstance(node, Cell)]:
        cell.pack()
