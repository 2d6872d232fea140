"""A decoder: one token after the other, each from the state before and from attention.

    begin(memory, lengths)               the source as the steps read it, and the first state
    project(x)                           all that does not need the past: one product for all steps
    step(source, state, projected)       one step -> (state, output, weights of the attention)
    unroll(source, state, x)             the same step over a whole target, for training

The output of a step, which already holds the context, is an input of the next one: input feeding
(Luong et al. 2015, section 3.3).
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float, Int
from pydantic import Field, PositiveInt, field_validator

from textrnn.config import Config
from textrnn.layers.attention import ATTENTIONS, attend
from textrnn.layers.cells import CELLS, Carry, CellName
from textrnn.layers.linear import Linear, matmul


class DecoderConfig(Config):
    cell: CellName = "lstm"
    layers: PositiveInt = 1
    hidden: PositiveInt = 256
    attention: Literal["multiplicative", "additive"] = "multiplicative"
    input_feeding: bool = True
    """Whether a step sees the attention of the step before."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On the output of each step, one mask for all steps."""

    @field_validator("cell")
    @classmethod
    def _hoisted(cls, cell: str) -> str:
        if not CELLS[cell].hoisted:
            known = ", ".join(name for name, kind in CELLS.items() if kind.hoisted)
            raise ValueError(f"a decoder projects its input beforehand, which {known} allow")
        return cell


class Source(NamedTuple):
    """What the steps read of the sources, [rows, source, ...]."""

    memory: Float[Array, "rows source memory"]
    keys: Float[Array, "rows source hidden"]
    lengths: Int[Array, " rows"]


class State(NamedTuple):
    """What a step hands on to the next one: arrays of [hypotheses, ...]."""

    carries: tuple[Carry, ...]
    output: Float[Array, "hypotheses outputs"]


class Decoder(nnx.Module):
    """Recurrent layers over the target so far, attention to the source, an output of `outputs`."""

    def __init__(
        self, config: DecoderConfig, inputs: int, memory: int, outputs: int, *, rngs: nnx.Rngs
    ):
        kind, hidden = CELLS[config.cell], config.hidden
        self.config, self.inputs, self.outputs = config, inputs, outputs
        fed = outputs if config.input_feeding else 0
        widths = [inputs + fed] + [hidden] * (config.layers - 1)
        self.cells = nnx.List([kind(width, hidden, rngs=rngs) for width in widths])
        self.bridge = Linear(memory, config.layers * kind.carries * hidden, rngs=rngs)
        self.attention = ATTENTIONS[config.attention](memory, hidden, rngs=rngs)
        self.combine = Linear(hidden + memory, outputs, rngs=rngs)

    def begin(
        self, memory: Float[Array, "source rows memory"], lengths: Int[Array, " rows"]
    ) -> tuple[Source, State]:
        """From an encoder's time-major outputs. The first state is made from their mean."""
        mean = memory.sum(axis=0) / jnp.maximum(lengths, 1)[:, None]
        first = jnp.tanh(self.bridge(mean))
        carries = self.cells[0].carries
        parts = jnp.split(first, len(self.cells) * carries, axis=-1)
        state = State(
            tuple(tuple(parts[i : i + carries]) for i in range(0, len(parts), carries)),
            jnp.zeros((len(lengths), self.outputs)),
        )
        memory = memory.swapaxes(0, 1)
        return Source(memory, self.attention.keys(memory), lengths), state

    def project(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch width*hidden"]:
        return matmul(x, self.cells[0].input_kernel[...][: self.inputs])

    def step(
        self, source: Source, state: State, projected: Float[Array, "hypotheses width*hidden"]
    ) -> tuple[State, Float[Array, "hypotheses outputs"], Float[Array, "hypotheses source"]]:
        """One step of every hypothesis. A row's hypotheses stand side by side."""
        if self.config.input_feeding:
            fed = self.cells[0].input_kernel[...][self.inputs :]
            projected = projected + matmul(state.output, fed)
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
        return State(tuple(carries), output), output, weights

    def unroll(
        self,
        source: Source,
        state: State,
        x: Float[Array, "target rows inputs"],
        key: Array | None = None,
    ) -> Float[Array, "target rows outputs"]:
        """The outputs over targets that are given. With a `key`, dropout is on."""
        mask = None
        if key is not None and self.config.dropout:
            keep = 1 - self.config.dropout
            mask = jax.random.bernoulli(key, keep, state.output.shape) / keep

        def step(state: State, projected: Array) -> tuple[State, Array]:
            state, output, _ = self.step(source, state, projected)
            if mask is not None:
                output = output * mask
            return State(state.carries, output), output

        return lax.scan(step, state, self.project(x))[1]
