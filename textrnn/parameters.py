"""Models as a graph and a flat dict of parameters by dotted names.

The names are a file format: `encoder.layers.0.forward.bias` is the name of that parameter in
bundles, checkpoints and recipes.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

Params = dict[str, Array]
_LARGEST = 2**31 - 1
"""Of an axis of an array, as XLA indexes it."""


class Fixed(nnx.Param):
    """Weights that are drawn and stored, but not trained."""


def split_model(model: nnx.Module) -> tuple[nnx.GraphDef, Params]:
    """Split a model into its graph and its parameters."""
    return _split(model)


def model_structure(
    build: Callable[[nnx.Rngs], nnx.Module],
) -> tuple[nnx.GraphDef, dict[str, jax.ShapeDtypeStruct]]:
    """The graph of a model and the shape of each parameter, without making weights."""

    def make() -> nnx.Module:
        rngs: Any = nnx.Rngs()
        rngs.params = _OneKey(0, tag="params")
        return build(rngs)

    return _split(nnx.eval_shape(make))


def initial(
    initializer: Callable[..., Array], rngs: nnx.Rngs, shape: tuple[int, ...]
) -> Float[Array, "..."]:
    """Initial weights, `initializer(key, shape)`. For `model_structure` they are zeros: tracing
    random numbers was most of the time of loading a model. Raises ValueError for an absurd size."""
    if max(shape) > _LARGEST:
        raise ValueError(f"weights of the shape {shape} are too large")
    if isinstance(rngs.params, _OneKey):
        return jnp.zeros(shape)
    return initializer(rngs.params(), shape)


class _OneKey(nnx.RngStream):
    """The same key again and again, for shapes. Counting keys takes longest when it is traced."""

    def __call__(self) -> jax.Array:
        return self.key[...]


def _split(model: nnx.Module) -> tuple[nnx.GraphDef, dict[str, Any]]:
    graph, state = nnx.split(model, nnx.Param)
    names = {".".join(map(str, path)): leaf for path, leaf in nnx.to_flat_state(state)}
    return graph, {name: leaf.get_value() for name, leaf in names.items()}


def merge_model(graph: nnx.GraphDef, params: Params) -> Any:
    """The inverse of `split_model`. Inside a jitted function it has no cost at run time."""
    tree: dict[int | str, Any] = {}
    for name, array in params.items():
        *parents, last = (int(part) if part.isdecimal() else part for part in name.split("."))
        node = tree
        for part in parents:
            node = node.setdefault(part, {})
        node[last] = array
    return nnx.merge(graph, tree)


def fixed_names(model: nnx.Module) -> list[str]:
    """The names of the weights that are not trained."""
    state = nnx.to_flat_state(nnx.state(model, Fixed))
    return [".".join(map(str, path)) for path, _ in state]


def count_parameters(params: Params) -> int:
    """The number of scalar parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
