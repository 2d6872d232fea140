"""A stack of uni- or bidirectional recurrent layers."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float
from pydantic import Field, PositiveInt

from textrnn.config import Config
from textrnn.layers.axes import Lengths
from textrnn.layers.cells.cell import Carry, Cell
from textrnn.layers.cells.choice import CellChoice, cell_choice
from textrnn.layers.cells.one_product import OneProductCell
from textrnn.layers.dropout import variational_dropout
from textrnn.layers.packing import Packable
from textrnn.layers.ragged import is_token
from textrnn.layers.unroll import unroll, unroll_both


class EncoderConfig(Config):
    cell: CellChoice = cell_choice("lstm")
    """Recurrent cell of every layer: its name, or a table of `kind` and its options."""
    layers: int = Field(default=1, ge=1, le=100)
    """Number of recurrent layers."""
    hidden: PositiveInt = 256
    """Units per direction."""
    bidirectional: bool = True
    """Whether each layer also reads the text from its end."""
    joined: bool = True
    """Whether a layer reads both directions of the layer below. Otherwise the two directions are
    separate stacks, as in a bidirectional language model (Peters et al. 2018)."""
    residual: bool = False
    """Add a layer's input to its output where both have the same width."""
    layer_norm: bool = False
    """Normalise each layer's output (Ba et al. 2016)."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout of each layer's input and of the final output, with one mask for all time steps (Gal
    and Ghahramani 2016)."""

    @property
    def width(self) -> int:
        """Number of output features."""
        return self.hidden * (2 if self.bidirectional else 1)


class Layer(Packable):
    """One recurrent layer, uni- or bidirectional."""

    def __init__(self, config: EncoderConfig, inputs: int, *, rngs: nnx.Rngs):
        def cell() -> Cell:
            return config.cell.build(inputs, config.hidden, rngs=rngs)

        self.config = config
        self.forward = cell()
        self.backward = cell() if config.bidirectional else None
        self.norm = nnx.LayerNorm(config.width, rngs=rngs) if config.layer_norm else None

    def __call__(
        self, x: Float[Array, "tokens inputs"], lengths: Lengths, carry: Carry | None
    ) -> tuple[Float[Array, "tokens outputs"], tuple[Carry, ...]]:
        """The outputs, and the last carry of each direction."""
        states, carries = self.unroll(x, lengths, carry)
        return self.finish(states, x, lengths), carries

    def unroll(
        self, x: Float[Array, "tokens inputs"], lengths: Lengths, carry: Carry | None
    ) -> tuple[Float[Array, "tokens outputs"], tuple[Carry, ...]]:
        """The outputs of the cells side by side, and the last carry of each direction."""
        if self.backward is None:
            output, carry = unroll(self.forward, x, lengths, carry)
            return output, (carry,)
        x_forward, x_backward = self.inputs_of_cells(x)
        return unroll_both(self.forward, self.backward, x_forward, x_backward, lengths)

    def inputs_of_cells(
        self, x: Float[Array, "tokens inputs"]
    ) -> tuple[Float[Array, "tokens features"], ...]:
        """What each direction reads: all features, or a half if the directions are separate."""
        if self.backward is None:
            return (x,)
        return (x, x) if x.shape[-1] == self.forward.inputs else tuple(jnp.split(x, 2, axis=-1))

    def finish(
        self,
        states: Float[Array, "tokens outputs"],
        x: Float[Array, "tokens inputs"],
        lengths: Lengths,
    ) -> Float[Array, "tokens outputs"]:
        """The output, from those of the cells and the input."""
        output = states + x if self.config.residual and x.shape == states.shape else states
        if self.norm is not None:
            # Normalising turns the zeros of padding into the norm's bias: make them zero again.
            output = jnp.where(is_token(lengths, len(x))[:, None], self.norm(output), 0)
        return output

    def pack(self) -> None:
        for cell in (self.forward, self.backward):
            if isinstance(cell, OneProductCell):
                cell.pack()


class Encoder(nnx.Module):
    """Embedded input of [tokens, inputs] to outputs of [tokens, config.width].

    Outputs at padding are zero, and padding has no influence on other outputs.
    """

    def __init__(self, config: EncoderConfig, inputs: int, *, rngs: nnx.Rngs):
        self.config = config
        below = config.width if config.joined else config.hidden
        widths = [inputs] + [below] * (config.layers - 1)
        self.layers = nnx.List([Layer(config, width, rngs=rngs) for width in widths])

    def __call__(
        self,
        x: Float[Array, "tokens inputs"],
        lengths: Lengths,
        carry: tuple[Carry, ...] | None = None,
        key: Array | None = None,
    ) -> tuple[Float[Array, "tokens outputs"], tuple[tuple[Carry, ...], ...]]:
        """The outputs, and for each layer the carry of each direction after its last step.

        `carry` continues an earlier call and has one entry per layer; it raises ValueError for a
        bidirectional encoder. A `key` turns dropout on.
        """
        if carry is not None and self.config.bidirectional:
            raise ValueError("a bidirectional encoder cannot continue from a carry")
        carries = []
        for index, layer in enumerate(self.layers):
            x = self._drop(x, lengths, key, index)
            x, last = layer(x, lengths, None if carry is None else carry[index])
            carries.append(last)
        return self._drop(x, lengths, key, len(self.layers)), tuple(carries)

    def _drop(self, x: Array, lengths: Lengths, key: Array | None, index: int) -> Array:
        if key is None:
            return x
        layer_key = jax.random.fold_in(key, index)
        return variational_dropout(x, lengths, self.config.dropout, layer_key)
