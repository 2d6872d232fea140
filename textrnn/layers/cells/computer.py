"""The differentiable neural computer."""

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


class DNCOptions(Config):
    slots: int = Field(default=16, ge=2)
    """Rows of the memory."""
    width: PositiveInt = 16
    """Numbers in a row of the memory."""
    heads: PositiveInt = 1
    """Heads that read."""


class DNCState(NamedTuple):
    memory: Float[Array, "rows slots width"]
    usage: Float[Array, "rows slots"]
    precedence: Float[Array, "rows slots"]
    """How much each slot was the last one written to."""
    links: Float[Array, "rows slots slots"]
    """links[i, j]: how much slot i was written to right after slot j."""
    read_weights: Float[Array, "rows heads slots"]
    write_weights: Float[Array, "rows slots"]
    values: Float[Array, "rows features"]
    controller: tuple[Float[Array, "rows hidden"], ...]


class DNC(Cell):
    """A differentiable neural computer (DNC): an LSTM with a memory of which it knows what is used
    and in which order it was written.

    Graves et al. 2016, Hybrid computing using a neural network with dynamic external memory, in
    the notation of its methods. The controller is one LSTM, theirs has several layers. The output
    is a linear layer of the controller's output and the values read, as wide as the controller.
    """

    options_type = DNCOptions
    options: DNCOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        width, heads = options.width, options.heads
        glorot = nnx.initializers.glorot_uniform()
        self.controller = LSTM(inputs, hidden, NoOptions(), rngs=rngs)
        self.value_kernel = nnx.Param(initial(glorot, rngs, (heads * width, 4 * hidden)))
        # Read keys, strengths, free gates and three modes; write key, erase, add, strength, gates.
        self.interface = Linear(hidden, heads * (width + 5) + 3 * width + 3, rngs=rngs)
        self.output = Linear(hidden + heads * width, hidden, rngs=rngs)

    @classmethod
    def initial_carry(cls, rows, hidden, options):
        slots, heads = options.slots, options.heads
        return DNCState(
            memory=jnp.zeros((rows, slots, options.width)),
            usage=jnp.zeros((rows, slots)),
            precedence=jnp.zeros((rows, slots)),
            links=jnp.zeros((rows, slots, slots)),
            read_weights=jnp.zeros((rows, heads, slots)),
            write_weights=jnp.zeros((rows, slots)),
            values=jnp.zeros((rows, heads * options.width)),
            controller=LSTM.initial_carry(rows, hidden, NoOptions()),
        )

    def project(self, x):
        return self.controller.project(x)

    def step(self, carry, projected):
        projected = projected + matmul(carry.values, self.value_kernel[...])
        controller, h = self.controller.step(carry.controller, projected)
        interface, width, heads = self.interface(h), self.options.width, self.options.heads
        reading, writing = jnp.split(interface, [heads * (width + 5)], axis=-1)
        reading = reading.reshape(len(h), heads, width + 5)
        free = jax.nn.sigmoid(reading[..., width + 1])

        usage = _usage(carry, free)
        write_weights, memory = _write(carry.memory, usage, writing, width)
        links, precedence = _linked(carry, write_weights)
        read_weights = _read_weights(memory, links, carry.read_weights, reading, width)
        values = read_slots(memory, read_weights).reshape(len(h), -1)
        output = self.output(jnp.concatenate([h, values], axis=-1))
        state = DNCState(
            memory, usage, precedence, links, read_weights, write_weights, values, controller
        )
        return state, output


def _usage(carry: DNCState, free: Float[Array, "rows heads"]) -> Float[Array, "rows slots"]:
    """How much each slot is used: written to a step before, and not freed by a read since."""
    retention = (1 - free[..., None] * carry.read_weights).prod(axis=1)
    usage, written = carry.usage, carry.write_weights
    return (usage + written - usage * written) * retention


def _allocation(usage: Float[Array, "rows slots"]) -> Float[Array, "rows slots"]:
    """Weights for the slots that are used least."""
    # As in the authors' code, a little more than 0 is used, so that the product has a gradient.
    usage = 1e-6 + (1 - 1e-6) * usage
    order = jnp.argsort(usage, axis=-1)
    ascending = jnp.take_along_axis(usage, order, axis=-1)
    before = jnp.cumprod(ascending, axis=-1) / ascending
    sorted_weights = (1 - ascending) * before
    return jnp.take_along_axis(sorted_weights, jnp.argsort(order, axis=-1), axis=-1)


def _write(
    memory: Float[Array, "rows slots width"],
    usage: Float[Array, "rows slots"],
    interface: Float[Array, "rows features"],
    width: int,
) -> tuple[Float[Array, "rows slots"], Float[Array, "rows slots width"]]:
    """Where the head writes, and the memory after it."""
    key, erase, add = (interface[:, i * width : (i + 1) * width] for i in range(3))
    strength, allocation_gate, write_gate = (interface[:, 3 * width + i, None] for i in range(3))
    by_content = content_weights(memory, key[:, None], _one_plus(strength))[:, 0]
    allocated = jax.nn.sigmoid(allocation_gate)
    weights = jax.nn.sigmoid(write_gate) * (
        allocated * _allocation(usage) + (1 - allocated) * by_content
    )
    return weights, erase_and_add(memory, weights, jax.nn.sigmoid(erase), add)


def _linked(
    carry: DNCState, written: Float[Array, "rows slots"]
) -> tuple[Float[Array, "rows slots slots"], Float[Array, "rows slots"]]:
    """Which slot was written to after which, and which one last."""
    to, after = written[:, :, None], written[:, None, :]
    links = (1 - to - after) * carry.links + to * carry.precedence[:, None, :]
    links = links * (1 - jnp.eye(written.shape[1]))
    kept = 1 - written.sum(axis=-1, keepdims=True)
    return links, kept * carry.precedence + written


def _read_weights(
    memory: Float[Array, "rows slots width"],
    links: Float[Array, "rows slots slots"],
    before: Float[Array, "rows heads slots"],
    interface: Float[Array, "rows heads features"],
    width: int,
) -> Float[Array, "rows heads slots"]:
    """Where the heads read: in the order of writing, against it, or by content."""
    strengths = _one_plus(interface[..., width])
    modes = jax.nn.softmax(interface[..., width + 2 :])[..., None]
    backward = jnp.einsum("rhs,rst->rht", before, links)
    forward = jnp.einsum("rhs,rts->rht", before, links)
    by_content = content_weights(memory, interface[..., :width], strengths)
    return modes[:, :, 0] * backward + modes[:, :, 1] * by_content + modes[:, :, 2] * forward


def _one_plus(x: Array) -> Array:
    return 1 + jax.nn.softplus(x)
