"""A deep stack of recurrent layers over embedded input, one- or bidirectional."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int
from pydantic import Field, PositiveInt

from textrnn.config import Config
from textrnn.layers.cells import CELLS, Carry, CellName
from textrnn.layers.embedding import variational_dropout
from textrnn.layers.unroll import unroll, unroll_both


class EncoderConfig(Config):
    cell: CellName = "lstm"
    layers: PositiveInt = 1
    hidden: PositiveInt = 256
    """Units per direction."""
    bidirectional: bool = True
    joined: bool = True
    """Whether a layer sees both directions of the layer below. Not joined, the two directions are
    two separate stacks, as a bidirectional language model needs them (Peters et al. 2018)."""
    residual: bool = False
    """Add a layer's input to its output where the two are of one width."""
    layer_norm: bool = False
    """Normalise each layer's output (Ba et al. 2016)."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On the input of each layer and on the final output, one mask for all time steps (Gal and
    Ghahramani 2016)."""

    @property
    def width(self) -> int:
        """Features of the output."""
        return self.hidden * (2 if self.bidirectional else 1)


class Layer(nnx.Module):
    """One recurrent layer: x of [time, rows, inputs] -> [time, rows, width]."""

    def __init__(self, config: EncoderConfig, inputs: int, *, rngs: nnx.Rngs):
        kind = CELLS[config.cell]
        self.config = config
        self.forward = kind(inputs, config.hidden, rngs=rngs)
        self.backward = kind(inputs, config.hidden, rngs=rngs) if config.bidirectional else None
        self.norm = nnx.LayerNorm(config.width, rngs=rngs) if config.layer_norm else None

    def __call__(
        self, x: Array, lengths: Array, carry: Carry | None
    ) -> tuple[Array, tuple[Carry, ...]]:
        if self.backward is None:
            output, carry = unroll(self.forward, x, lengths, carry)
            carries = (carry,)
        else:
            left, right = (x, x) if self._whole(x) else jnp.split(x, 2, axis=-1)
            (ahead, first), (behind, second) = unroll_both(
                self.forward, self.backward, left, right, lengths
            )
            output, carries = jnp.concatenate([ahead, behind], axis=-1), (first, second)
        if self.config.residual and x.shape == output.shape:
            output = output + x
        if self.norm is not None:
            # Normalising turns the zeros of padding into the norm's bias: make them zero again.
            valid = jnp.arange(x.shape[0])[:, None] < lengths
            output = jnp.where(valid[..., None], self.norm(output), 0)
        return output, carries

    def _whole(self, x: Array) -> bool:
        """Whether both directions read all of `x`, or each its own half."""
        return x.shape[-1] == self.forward.input_kernel.shape[0]


class Encoder(nnx.Module):
    """Embedded input of [time, rows, inputs] to outputs of [time, rows, config.width].

    Positions past a row's length come out as zeros and influence nothing.
    """

    def __init__(self, config: EncoderConfig, inputs: int, *, rngs: nnx.Rngs):
        self.config = config
        above = config.width if config.joined else config.hidden
        widths = [inputs] + [above] * (config.layers - 1)
        self.layers = nnx.List([Layer(config, width, rngs=rngs) for width in widths])

    def __call__(
        self,
        x: Float[Array, "time rows inputs"],
        lengths: Int[Array, " rows"],
        carry: tuple[Carry, ...] | None = None,
        key: Array | None = None,
    ) -> tuple[Float[Array, "time rows width"], tuple[tuple[Carry, ...], ...]]:
        """The outputs, and for each layer the carry of each direction after its last step.

        `carry` continues an earlier call, one entry per layer; only one-directional encoders can.
        With a `key`, dropout is on.
        """
        if carry is not None and self.config.bidirectional:
            raise ValueError("a bidirectional encoder cannot continue from a carry")
        carries = []
        for index, layer in enumerate(self.layers):
            x = self._drop(x, key, index)
            x, after = layer(x, lengths, None if carry is None else carry[index])
            carries.append(after)
        return self._drop(x, key, len(self.layers)), tuple(carries)

    def _drop(self, x: Array, key: Array | None, index: int) -> Array:
        if key is None:
            return x
        return variational_dropout(x, self.config.dropout, jax.random.fold_in(key, index))
