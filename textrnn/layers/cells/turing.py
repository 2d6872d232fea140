"""The neural Turing machine."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float
from pydantic import Field, PositiveInt

from textrnn.config import Config
from textrnn.layers.cells.addressing import content_weights, erase_and_add, read_slots
from textrnn.layers.cells.cell import Cell, NoOptions
from textrnn.layers.cells.lstm import LSTM
from textrnn.layers.linear import Linear, matmul
from textrnn.parameters import initial


class NTMOptions(Config):
    slots: int = Field(default=32, ge=3)
    """Rows of the memory."""
    width: PositiveInt = 16
    """Numbers in a row of the memory."""


class NTMState(NamedTuple):
    memory: Float[Array, "rows slots width"]
    weights: Float[Array, "rows heads slots"]
    """Where the heads stand: first the one that reads, then the one that writes."""
    value: Float[Array, "rows width"]
    """What was read."""
    controller: tuple[Float[Array, "rows hidden"], ...]


class NTM(Cell):
    """A neural Turing machine (NTM): an LSTM with a memory, a head that reads and one that writes.

    The controller reads the input and what was read a step before. Each head then finds its place
    by content, by its place before and a shift of -1, 0 or 1, and by sharpening. Graves et al.
    2014, equations 1 to 9. Places are found in the memory before the write, and the write comes
    before the read. The output is a linear layer of the controller's output and the value read, as
    wide as the controller. The memory starts at a constant, and keys and what is added are limited
    by tanh, as in Collier and Beel 2018, whose constant is smaller. Heads start at the first slot.
    """

    options_type = NTMOptions
    options: NTMOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        width = options.width
        glorot = nnx.initializers.glorot_uniform()
        self.controller = LSTM(inputs, hidden, NoOptions(), rngs=rngs)
        self.value_kernel = nnx.Param(initial(glorot, rngs, (width, 4 * hidden)))
        # For each head a key, strength, gate, three shifts and sharpness; then erase and add.
        self.interface = Linear(hidden, 2 * (width + 6) + 2 * width, rngs=rngs)
        self.output = Linear(hidden + width, hidden, rngs=rngs)

    @classmethod
    def initial_carry(cls, rows, hidden, options):
        return NTMState(
            memory=jnp.full((rows, options.slots, options.width), 1e-2),
            weights=jnp.zeros((rows, 2, options.slots)).at[:, :, 0].set(1.0),
            value=jnp.zeros((rows, options.width)),
            controller=LSTM.initial_carry(rows, hidden, NoOptions()),
        )

    def project(self, x):
        return self.controller.project(x)

    def step(self, carry, projected):
        memory, weights, value, controller = carry
        projected = projected + matmul(value, self.value_kernel[...])
        controller, h = self.controller.step(controller, projected)
        interface, width = self.interface(h), self.options.width
        heads, erase, add = jnp.split(
            interface, [2 * (width + 6), 2 * (width + 6) + width], axis=-1
        )
        weights = self._addresses(memory, weights, heads.reshape(len(h), 2, width + 6))
        memory = erase_and_add(memory, weights[:, 1], jax.nn.sigmoid(erase), jnp.tanh(add))
        value = read_slots(memory, weights[:, :1])[:, 0]
        output = self.output(jnp.concatenate([h, value], axis=-1))
        return NTMState(memory, weights, value, controller), output

    def _addresses(
        self,
        memory: Float[Array, "rows slots width"],
        before: Float[Array, "rows heads slots"],
        heads: Float[Array, "rows heads features"],
    ) -> Float[Array, "rows heads slots"]:
        """Where the heads stand now (equations 5 to 9)."""
        width = self.options.width
        key, strength, gate = jnp.tanh(heads[..., :width]), heads[..., width], heads[..., width + 1]
        shift = jax.nn.softmax(heads[..., width + 2 : width + 5])
        sharpness = 1 + jax.nn.softplus(heads[..., width + 5])
        by_content = content_weights(memory, key, jax.nn.softplus(strength))
        gate = jax.nn.sigmoid(gate)[..., None]
        weights = gate * by_content + (1 - gate) * before
        rolled = jnp.stack([jnp.roll(weights, by, axis=-1) for by in (-1, 0, 1)], axis=-1)
        weights = (rolled * shift[..., None, :]).sum(axis=-1)
        # The largest is divided out, so that no power underflows in all slots.
        weights = jnp.maximum(weights / weights.max(axis=-1, keepdims=True), 1e-8)
        sharp = weights ** sharpness[..., None]
        return sharp / sharp.sum(axis=-1, keepdims=True)
