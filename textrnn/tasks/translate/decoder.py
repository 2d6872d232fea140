"""An autoregressive decoder with attention.

    begin(memory, lengths, longest)      the encoded source, and the initial state
    step(source, state, x, counts)       one step of a search -> (state, output, attention weights)
    unroll(source, state, x)             the same step over a whole target, for training

With input feeding, the output of a step, which includes the context vector, is an input of the next
one (Luong et al. 2015, section 3.3).
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float, Int
from pydantic import Field, PositiveInt, field_validator

from textrnn.config import Config
from textrnn.layers.attention import ATTENTIONS, EncodedSource
from textrnn.layers.axes import Lengths
from textrnn.layers.cells import CELLS, Carry, CellName
from textrnn.layers.dropout import dropout
from textrnn.layers.linear import Linear, matmul
from textrnn.layers.packing import Packable
from textrnn.layers.ragged import sum_rows
from textrnn.layers.unroll import unroll


class DecoderConfig(Config):
    cell: CellName = "lstm"
    """Recurrent cell of every layer."""
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

    @field_validator("cell")
    @classmethod
    def _hoisted(cls, cell: str) -> str:
        if not CELLS[cell].hoisted:
            known = ", ".join(name for name, kind in CELLS.items() if kind.hoisted)
            raise ValueError(f"a decoder needs a cell that projects its input beforehand: {known}")
        return cell


class DecoderState(NamedTuple):
    """The state between two steps, as arrays of [hypotheses, ...]."""

    carries: tuple[Carry, ...]
    output: Float[Array, "hypotheses outputs"]


class Decoder(Packable):
    """Recurrent layers over the target, attention over the source, and an output projection."""

    def __init__(
        self, config: DecoderConfig, inputs: int, memory: int, outputs: int, *, rngs: nnx.Rngs
    ):
        kind, hidden = CELLS[config.cell], config.hidden
        self.config, self.inputs, self.outputs = config, inputs, outputs
        feeding = outputs if config.input_feeding else 0
        widths = [inputs + feeding] + [hidden] * (config.layers - 1)
        self.cells = nnx.List([kind(width, hidden, rngs=rngs) for width in widths])
        self.bridge = Linear(memory, config.layers * kind.carries * hidden, rngs=rngs)
        self.attention = ATTENTIONS[config.attention](memory, hidden, rngs=rngs)
        self.combine = Linear(hidden + memory, outputs, rngs=rngs)

    def pack(self) -> None:
        self.combine.pack()

    def begin(
        self, memory: Float[Array, "tokens memory"], lengths: Lengths, longest: int
    ) -> tuple[EncodedSource, DecoderState]:
        """Start from an encoder's ragged outputs; their mean determines the initial state.
        `longest` is a static upper bound of the lengths."""
        mean = sum_rows(memory, lengths) / jnp.maximum(lengths, 1)[:, None]
        initial = jnp.tanh(self.bridge(mean))
        carries = self.cells[0].carries
        parts = jnp.split(initial, len(self.cells) * carries, axis=-1)
        state = DecoderState(
            tuple(tuple(parts[i : i + carries]) for i in range(0, len(parts), carries)),
            jnp.zeros((len(lengths), self.outputs)),
        )
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
        mask = jnp.ones_like(state.output)
        if key is not None:
            mask = dropout(mask, self.config.dropout, key)
        grids = source.grids()
        input_kernel, feeding_kernel = jnp.split(self.cells[0].input_kernel[...], [self.inputs])

        def attend(queries: Array) -> tuple[Array, Array]:
            context, weights = self.attention.attend(grids, queries[:, None])
            return context[:, 0], weights

        def step(state: DecoderState, projected: Array) -> tuple[DecoderState, Array]:
            def advance(index: int, carry: Carry, inputs: Array) -> tuple[Carry, Array]:
                cell = self.cells[index]
                if index:
                    return cell.step(carry, cell.project(inputs))
                if self.config.input_feeding:
                    return cell.step(carry, projected + matmul(inputs, feeding_kernel))
                return cell.step(carry, projected)

            state, output, _ = self._step(state, advance, attend, self.combine)
            output = output * mask
            return DecoderState(state.carries, output), output

        return lax.scan(step, state, matmul(x, input_kernel))[1]

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
