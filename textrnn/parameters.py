"""A model as its structure and its parameters: a flat dict of arrays by dotted names.

The names are a file format: `encoder.layers.0.forward.bias` is what it is called in a bundle, in a
checkpoint and in a recipe.
"""

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx
from jaxtyping import Array

Params = dict[str, Array]


def split(model: nnx.Module) -> tuple[nnx.GraphDef, Params]:
    """Works on abstract models too (`nnx.eval_shape`), and then gives shapes for arrays."""
    graph, state = nnx.split(model, nnx.Param)
    names = {".".join(map(str, path)): leaf for path, leaf in nnx.to_flat_state(state)}
    return graph, {name: leaf.get_value() for name, leaf in names.items()}


def structure(build: Callable[[nnx.Rngs], nnx.Module]) -> tuple[nnx.GraphDef, Params]:
    """The graph of a model and the shape of each parameter, without making weights."""
    return split(nnx.eval_shape(lambda: build(nnx.Rngs(0))))


def merge(graph: nnx.GraphDef, params: Params) -> Any:
    """The model again. Done inside of a jitted function, it costs nothing when that runs."""
    tree: dict[int | str, Any] = {}
    for name, array in params.items():
        *parents, last = (int(part) if part.isdecimal() else part for part in name.split("."))
        node = tree
        for part in parents:
            node = node.setdefault(part, {})
        node[last] = array
    return nnx.merge(graph, tree)


def count(params: Params) -> int:
    """The number of trained numbers."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
