"""Compress the LSTMs of a model by the principal components of their pre-activations.

A cell multiplies its input x by W and its state h by U. On text, x W lies near a subspace: with V
the first principal components of x W, the product is nearly x (W V) V^T, and the same with h U. So
an LSTM becomes a `projected_lstm` with the kernels W V and V^T, without training. Of all kernels of
that rank these have the least squared error on the text (Eckart and Young 1936).

MATLAB's `compressNetworkUsingProjection` takes the components of x and h instead, which are those
of the largest variance, and not those that W and U read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from textrnn.errors import UserError
from textrnn.layers.attention import EncodedSource
from textrnn.layers.axes import Lengths
from textrnn.layers.cells.cell import Carry
from textrnn.layers.cells.choice import cell_choice
from textrnn.layers.encoder import Encoder
from textrnn.layers.ragged import is_token
from textrnn.parameters import Params, merge_model
from textrnn.tasks import Batch, StreamTask, Task
from textrnn.tasks.translate.decoder import Decoder, DecoderState
from textrnn.text import PAD

PARTS = ("encoder", "decoder")
"""The parts of a network that have cells."""


def parts_of(config: Any) -> dict[str, Any]:
    """The configs of the parts of a network that have cells."""
    return {part: getattr(config, part) for part in PARTS if hasattr(config, part)}


class Rank(NamedTuple):
    """How many components are kept: a number, or as many as have a share of the variance."""

    number: int | None = None
    share: float = 1.0

    def of(self, variances: Float[np.ndarray, " features"]) -> int:
        """The number of components, given the variance of each, the largest first."""
        if self.number is not None:
            return min(self.number, len(variances))
        cumulative = np.cumsum(variances) / variances.sum()
        return min(int(np.searchsorted(cumulative, self.share)) + 1, len(variances))


class Moments(NamedTuple):
    """Sums of outer products."""

    inputs: Float[Array, "inputs inputs"]
    """Of the inputs of a cell."""
    states: Float[Array, "hidden hidden"]
    """Of its states."""


def check_compressible(task: Task, rank: Rank) -> None:
    """Raises UserError if a model has cells that are not LSTMs, or none, or too few units for a
    rank."""
    parts = parts_of(task.config)
    if {config.cell.kind for config in parts.values()} != {"lstm"}:
        found = ", ".join(f"{config.cell.kind} in the {part}" for part, config in parts.items())
        raise UserError(
            f"only models of lstm cells can be compressed; this one has {found or 'no cells'}"
        )
    for part, config in parts.items():
        if rank.number is not None and rank.number > config.hidden:
            raise UserError(
                f"the rank is {rank.number}, and the {part} has {config.hidden} units; give a "
                "lower one"
            )


def second_moments(task: Task, params: Params, batches: Iterable[Batch]) -> dict[str, Moments]:
    """The moments of every cell, by the prefix of its parameters: `encoder.layers.0.forward`.

    Batches of a translator must have targets; those of others are batches for `task.predict`.
    """
    graph, _ = task.structure
    observe = jax.jit(lambda params, batch: _observe(merge_model(graph, params), task, batch))
    total: dict[str, Moments] = {}
    for batch in batches:
        moments = observe(params, batch)
        total = jax.tree.map(jnp.add, total, moments) if total else moments
    return total


def project(
    task: Task, params: Params, moments: Mapping[str, Moments], rank: Rank
) -> tuple[Task, Params]:
    """The task with `projected_lstm` cells, and its parameters.

    All cells of an encoder have the same ranks: the largest that one of them needs, and at most the
    features of the narrowest.
    """
    params, cells = dict(params), {}
    for part in PARTS:
        names = [name for name in moments if name.startswith(f"{part}.")]
        if not names:
            continue
        ranks = {}
        for kind, of_kind in (("input", "inputs"), ("recurrent", "states")):
            kernels = {name: np.asarray(params.pop(f"{name}.{kind}_kernel")) for name in names}
            components = {
                name: _components(kernel, getattr(moments[name], of_kind))
                for name, kernel in kernels.items()
            }
            needed = max(rank.of(each.variances) for each in components.values())
            ranks[kind] = min(needed, *(len(kernel) for kernel in kernels.values()))
            for name, kernel in kernels.items():
                vectors = components[name].vectors[:, : ranks[kind]]
                params[f"{name}.{kind}_projection"] = jnp.asarray(kernel @ vectors, jnp.float32)
                params[f"{name}.{kind}_factor"] = jnp.asarray(vectors.T, jnp.float32)
        cells[part] = cell_choice(
            "projected_lstm", input_rank=ranks["input"], recurrent_rank=ranks["recurrent"]
        )
    config = task.config.model_copy(
        update={
            part: getattr(task.config, part).model_copy(update={"cell": cell})
            for part, cell in cells.items()
        }
    )
    return replace(task, config=config), params


class _Components(NamedTuple):
    """The principal components of products with a kernel, those of the largest variance first."""

    variances: Float[np.ndarray, " features"]
    vectors: Float[np.ndarray, "gates features"]
    """A column each."""


def _components(
    kernel: Float[np.ndarray, "features gates"], moment: Float[Array, "features features"]
) -> _Components:
    """Those of x W, of which there are no more than features of x."""
    kernel = kernel.astype(np.float64)
    variances, vectors = np.linalg.eigh(kernel.T @ np.asarray(moment, np.float64) @ kernel)
    count = min(kernel.shape)
    return _Components(np.maximum(variances[::-1][:count], 0), vectors[:, ::-1][:, :count])


class _Observed(NamedTuple):
    """What one cell read in a batch, with padding as zeros."""

    inputs: Float[Array, "*batch inputs"]
    states: Float[Array, "*batch hidden"]


class _ObservedEncoder:
    """An encoder that keeps what its cells read."""

    def __init__(self, encoder: Encoder):
        self.encoder, self.config = encoder, encoder.config
        self.cells: dict[str, _Observed] = {}

    def __call__(
        self,
        x: Float[Array, "tokens inputs"],
        lengths: Lengths,
        carry: tuple[Carry, ...] | None = None,
        key: None = None,
    ) -> tuple[Float[Array, "tokens outputs"], tuple[tuple[Carry, ...], ...]]:
        carries, real = [], is_token(lengths, len(x))[:, None]
        for index, layer in enumerate(self.encoder.layers):
            before = None if carry is None else carry[index]
            outputs, last = layer.unroll(x, lengths, before)
            sides = ("forward", "backward")[: len(last)]
            states = jnp.split(outputs, len(sides), axis=1)
            for side, read, state in zip(sides, layer.inputs_of_cells(x), states, strict=True):
                self.cells[f"encoder.layers.{index}.{side}"] = _Observed(read * real, state)
            x = layer.finish(outputs, x, lengths)
            carries.append(last)
        return x, tuple(carries)


class _ObservedDecoder:
    """A decoder that keeps what its cells read under teacher forcing."""

    def __init__(self, decoder: Decoder, real: Bool[Array, "rows target"]):
        self.decoder, self.config, self.begin = decoder, decoder.config, decoder.begin
        self.real = real.T[..., None]
        self.cells: dict[str, _Observed] = {}

    def unroll(
        self,
        source: EncodedSource,
        state: DecoderState,
        x: Float[Array, "target rows inputs"],
        key: None = None,
    ) -> Float[Array, "target rows outputs"]:
        states = self.decoder.states(source, state, x)
        if self.config.input_feeding:
            before = jnp.concatenate([state.output[None], states.output[:-1]])
            x = jnp.concatenate([x, before], axis=-1)
        for index, (_, h) in enumerate(states.carries):
            self.cells[f"decoder.cells.{index}"] = _Observed(x * self.real, h * self.real)
            x = h
        return states.output


def _observe(model: Any, task: Task, batch: Batch) -> dict[str, Moments]:
    """The moments of every cell for one batch."""
    model.encoder = encoder = _ObservedEncoder(model.encoder)
    parts: list[_ObservedEncoder | _ObservedDecoder] = [encoder]
    if isinstance(task, StreamTask):
        ids = jnp.asarray(batch["ids"])
        rows, length = ids.shape
        model(ids.reshape(-1), jnp.full(rows, length), task.initial_carry(rows))
    elif "before" in batch:
        model.decoder = decoder = _ObservedDecoder(model.decoder, batch["target"] != PAD)
        parts.append(decoder)
        model(batch["ids"], batch["lengths"], batch["before"])
    else:
        task.predict(model, batch)
    return {
        name: Moments(*(jnp.tensordot(a, a, (axes, axes)) for a in observed))
        for part in parts
        for name, observed in part.cells.items()
        for axes in [tuple(range(observed.inputs.ndim - 1))]
    }
