"""An autoregressive decoder with attention.

    begin(memory, lengths, longest)      the encoded source, and the initial state
    project(x)                           everything that does not depend on the state, for all steps
    step(source, state, projected)       one step -> (state, output, attention weights)
    unroll(source, state, x)             the same step over a whole target, for training

With input feeding, the output of a step, which includes the context vector, is an input of the next
one (Luong et al. 2015, section 3.3).
"""

from typing import Literal, NamedTuple

import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float
from pydantic import Field, PositiveInt, field_validator

from textrnn.config import Config
from textrnn.layers.attention import ATTENTIONS, Keys, attend
from textrnn.layers.axes import Lengths
from textrnn.layers.cells import CELLS, Carry, CellName
from textrnn.layers.dropout import dropout
from textrnn.layers.linear import Linear, matmul
from textrnn.layers.ragged import sum_rows, to_grid


class DecoderConfig(Config):
    cell: CellName = "lstm"
    """Recurrent cell of every layer."""
    layers: PositiveInt = 1
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


class EncodedSource(NamedTuple):
    """The encoded source sequences that each step attends to."""

    memory: Float[Array, "rows source memory"]
    keys: Keys
    lengths: Lengths


class DecoderState(NamedTuple):
    """The state between two steps, as arrays of [hypotheses, ...]."""

    carries: tuple[Carry, ...]
    output: Float[Array, "hypotheses outputs"]


class Decoder(nnx.Module):
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
        keys = to_grid(self.attention.keys(memory), lengths, longest)
        return EncodedSource(to_grid(memory, lengths, longest), keys, lengths), state

    def project(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch gates"]:
        """The part of the pre-activations that does not depend on the state."""
        return matmul(x, self.cells[0].input_kernel[...][: self.inputs])

    def step(
        self,
        source: EncodedSource,
        state: DecoderState,
        projected: Float[Array, "hypotheses gates"],
    ) -> tuple[DecoderState, Float[Array, "hypotheses outputs"], Float[Array, "hypotheses source"]]:
        """One step of every hypothesis: state, output and attention weights. The hypotheses of a
        row are adjacent."""
        if self.config.input_feeding:
            feeding_kernel = self.cells[0].input_kernel[...][self.inputs :]
            projected = projected + matmul(state.output, feeding_kernel)
        carries = []
        h = projected
        for index, (cell, carry) in enumerate(zip(self.cells, state.carries, strict=True)):
            carry, h = cell.step(carry, cell.project(h) if index else projected)
            carries.append(carry)
        rows = len(source.lengths)
        query = h.reshape(rows, -1, h.shape[-1])
        context, weights = attend(
            self.attention.score(source.keys, query), source.memory, source.lengths
        )
        context, weights = (a.reshape(len(h), -1) for a in (context, weights))
        output = jnp.tanh(self.combine(jnp.concatenate([h, context], axis=-1)))
        return DecoderState(tuple(carries), output), output, weights

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

        def step(state: DecoderState, projected: Array) -> tuple[DecoderState, Array]:
            state, output, _ = self.step(source, state, projected)
            output = output * mask
            return DecoderState(state.carries, output), output

        return lax.scan(step, state, self.project(x))[1]
