"""Weights in the order of the native kernels, for inference."""

from flax import nnx

from textrnn.layers.encoder import Layer


def pack_layers(model: nnx.Module) -> None:
    """Bring the weights of all recurrent layers of a model into the order of the native kernels,
    once, instead of at each call."""
    for layer in [node for _, node in nnx.iter_graph(model) if isinstance(node, Layer)]:
        layer.forward.pack()
        if layer.backward is not None:
            layer.backward.pack()
