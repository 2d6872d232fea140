"""An autoregressive decoder with attention.

    begin(memory, lengths, longest)      the encoded source, and the initial state
    step(source, state, x, counts)       one step of a search -> (state, output, attention weights)
    unroll(source, state, x)             the same step over a whole target, for training

With input feeding, the output of a step, which includes the context vector, is an input of the next
one (Luong et al. 2015, section 3.3).
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar

import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float, Int
from pydantic import Field, PositiveInt

from textrnn.config import Config
from textrnn.layers.attention import ATTENTIONS, EncodedSource
from textrnn.layers.axes import Lengths
from textrnn.layers.cells.cell import Carry, Cell
from textrnn.layers.cells.choice import CellChoice, cell_choice
from textrnn.layers.cells.one_product import OneProductCell
from textrnn.layers.dropout import dropout
from textrnn.layers.linear import Linear, matmul
from textrnn.layers.packing import Packable
from textrnn.layers.ragged import sum_rows
from textrnn.layers.unroll import unroll

T = TypeVar("T")


class DecoderConfig(Config):
    cell: CellChoice = cell_choice("lstm")
    """Recurrent cell of every layer: its name, or a table of `kind` and its options."""
    layers: int = Field(default=1, ge=1, le=100)
    """Number of recurrent layers."""
    hidden: PositiveInt = 256
    """Units per layer."""
    attention: Literal["multiplicative", "additive"] = "multiplicative"
    """Scoring function: Luong et al. 2015 or Bahdanau et al. 2015."""
    input_feeding: bool = True
    """Whether a step reads the output of the previous step."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout of each step's output, with one mask for all steps."""


class DecoderState(NamedTuple):
    """The state between two steps, as arrays of [hypotheses, ...]."""

    carries: tuple[Carry, ...]
    output: Float[Array, "hypotheses outputs"]


class Decoder(Packable):
    """Recurrent layers over the target, attention over the source, and an output projection."""

    def __init__(
        self, config: DecoderConfig, inputs: int, memory: int, outputs: int, *, rngs: nnx.Rngs
    ):
        hidden = config.hidden
        self.config, self.inputs, self.outputs = config, inputs, outputs
        feeding = outputs if config.input_feeding else 0
        widths = [inputs + feeding] + [hidden] * (config.layers - 1)
        self.cells = nnx.List([config.cell.build(width, hidden, rngs=rngs) for width in widths])
        states = config.layers * config.cell.type.bridged * hidden
        self.bridge = Linear(memory, states, rngs=rngs) if states else None
        self.attention = ATTENTIONS[config.attention](memory, hidden, rngs=rngs)
        self.combine = Linear(hidden + memory, outputs, rngs=rngs)

    def pack(self) -> None:
        self.combine.pack()
        for cell in self.cells:
            if isinstance(cell, OneProductCell):
                cell.pack()

    def begin(
        self, memory: Float[Array, "tokens memory"], lengths: Lengths, longest: int
    ) -> tuple[EncodedSource, DecoderState]:
        """Start from an encoder's ragged outputs; their mean determines the initial state, as far
        as the cell lets it. `longest` is a static upper bound of the lengths."""
        carries = [cell.carry(len(lengths)) for cell in self.cells]
        if self.bridge is not None:
            mean = sum_rows(memory, lengths) / jnp.maximum(lengths, 1)[:, None]
            bridged = self.config.cell.type.bridged
            parts = jnp.split(jnp.tanh(self.bridge(mean)), len(carries) * bridged, axis=-1)
            for index, carry in enumerate(carries):
                first = index * bridged
                carries[index] = (*carry[:-bridged], *parts[first : first + bridged])
        state = DecoderState(tuple(carries), jnp.zeros((len(lengths), self.outputs)))
        return self.attention.read(memory, lengths, longest), state

    def step(
        self,
        source: EncodedSource,
        state: DecoderState,
        x: Float[Array, "hypotheses inputs"],
        counts: Int[Array, " rows"],
    ) -> tuple[DecoderState, Float[Array, "hypotheses outputs"], Float[Array, "tokens queries"]]:
        """One step of a search: state, output and attention weights. Hypotheses are a ragged batch,
        and only the first `counts` of each row are computed."""
        count = counts.sum()
        runs = (jnp.arange(len(x)) < count).astype(jnp.int32)

        def advance(index: int, carry: Carry, inputs: Array) -> tuple[Carry, Array]:
            if index == 0 and self.config.input_feeding:
                inputs = jnp.concatenate([x, inputs], axis=-1)
            elif index == 0:
                inputs = x
            output, carry = unroll(self.cells[index], inputs, runs, carry)
            return carry, output

        def attend(queries: Array) -> tuple[Array, Array]:
            return self.attention(source, queries, counts)

        return self._step(state, advance, attend, lambda x: self.combine.first(x, count))

    def unroll(
        self,
        source: EncodedSource,
        state: DecoderState,
        x: Float[Array, "target rows inputs"],
        key: Array | None = None,
    ) -> Float[Array, "target rows outputs"]:
        """The outputs of all steps under teacher forcing. A `key` turns dropout on."""
        return self._unroll(source, state, x, key, lambda state: state.output)

    def states(
        self, source: EncodedSource, state: DecoderState, x: Float[Array, "target rows inputs"]
    ) -> DecoderState:
        """The states after all steps under teacher forcing, as arrays of [target, rows, ...]."""
        return self._unroll(source, state, x, None, lambda state: state)

    def _unroll(
        self,
        source: EncodedSource,
        state: DecoderState,
        x: Float[Array, "target rows inputs"],
        key: Array | None,
        kept: Callable[[DecoderState], T],
    ) -> T:
        """What is kept of the state after each step."""
        mask = jnp.ones_like(state.output)
        if key is not None:
            mask = dropout(mask, self.config.dropout, key)
        grids = source.grids()
        project, project_fed = self._first_projection()

        def attend(queries: Array) -> tuple[Array, Array]:
            context, weights = self.attention.attend(grids, queries[:, None])
            return context[:, 0], weights

        def step(state: DecoderState, projected: Array) -> tuple[DecoderState, T]:
            def advance(index: int, carry: Carry, inputs: Array) -> tuple[Carry, Array]:
                cell = self.cells[index]
                if index:
                    return cell.step(carry, cell.project(inputs))
                return cell.step(carry, project_fed(projected, inputs))

            state, output, _ = self._step(state, advance, attend, self.combine)
            state = DecoderState(state.carries, output * mask)
            return state, kept(state)

        return lax.scan(step, state, project(x))[1]

    def _first_projection(self) -> tuple[Callable[[Array], Array], Callable[..., Array]]:
        """What the first cell needs of the input, as a function for all steps at once and one for a
        step of its result and the output before."""
        cell: Cell = self.cells[0]
        if not self.config.input_feeding:
            return cell.project, lambda projected, output: projected
        if isinstance(cell, OneProductCell) and cell.hoisted:
            of_input, of_output = jnp.split(cell.input_weights(), [self.inputs])
            return (
                lambda x: matmul(x, of_input),
                lambda projected, output: projected + matmul(output, of_output),
            )
        return (
            lambda x: x,
            lambda x, output: cell.project(jnp.concatenate([x, output], axis=-1)),
        )

    def _step(
        self,
        state: DecoderState,
        advance: Callable[[int, Carry, Array], tuple[Carry, Array]],
        attend: Callable[[Array], tuple[Array, Array]],
        combine: Callable[[Array], Array],
    ) -> tuple[DecoderState, Array, Any]:
        """One step. `advance` runs a layer on the output of the layer below; below the first one is
        the output of the previous step."""
        carries, h = [], state.output
        for index, carry in enumerate(state.carries):
            carry, h = advance(index, carry, h)
            carries.append(carry)
        context, weights = attend(h)
        output = jnp.tanh(combine(jnp.concatenate([h, context], axis=-1)))
        return DecoderState(tuple(carries), output), output, weights
