"""A stack of networks of which the upper one sees what the lower one did not predict."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float
from pydantic import NonNegativeFloat, PositiveFloat

from textrnn.config import Config
from textrnn.layers.cells.cell import Cell
from textrnn.layers.linear import matmul
from textrnn.parameters import initial


class CompressorOptions(Config):
    threshold: PositiveFloat = 0.5
    """An input is unexpected if the square of the error of its prediction is more than this share
    of its own square."""
    weight: NonNegativeFloat = 0.1
    """Weight of the error of prediction, relative to the gradient of the task."""


class HistoryCompressor(Cell):
    """A neural history compressor of two levels.

    The lower level, h = tanh(W x + U h + b), predicts its next input as V h + c. Where the
    prediction fails, the upper level makes a step, H = tanh(R [x, h] + S H + d), and else keeps its
    state. Schmidhuber 1992, Learning complex, extended sequences using the principle of history
    compression, section 3. There, the upper level reads the unexpected input and its time; here, it
    reads h in place of the time. Each level has half of the units; the output is both. The lower
    level learns to predict at the same time as the task, and not before it.
    """

    options_type = CompressorOptions
    options: CompressorOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        if hidden % 2:
            raise ValueError(f"{hidden} units cannot be divided evenly among two levels")
        half = hidden // 2
        glorot, orthogonal = nnx.initializers.glorot_uniform(), nnx.initializers.orthogonal()
        self.lower_input = nnx.Param(initial(glorot, rngs, (inputs, half)))
        self.lower_recurrent = nnx.Param(initial(orthogonal, rngs, (half, half)))
        self.lower_bias = nnx.Param(jnp.zeros(half))
        self.prediction = nnx.Param(initial(glorot, rngs, (half, inputs)))
        self.prediction_bias = nnx.Param(jnp.zeros(inputs))
        self.upper_input = nnx.Param(initial(glorot, rngs, (inputs + half, half)))
        self.upper_recurrent = nnx.Param(initial(orthogonal, rngs, (half, half)))
        self.upper_bias = nnx.Param(jnp.zeros(half))

    @classmethod
    def initial_carry(cls, rows, hidden, options):
        return (jnp.zeros((rows, hidden // 2)),) * 2

    def project(self, x):
        return x.astype(jnp.float32)

    def step(self, carry, projected):
        x, (lower, upper) = projected, carry
        predicted = matmul(lower, self.prediction[...]) + self.prediction_bias[...]
        squares = ((predicted - jax.lax.stop_gradient(x)) ** 2).sum(axis=-1, keepdims=True)
        unexpected = squares > self.options.threshold * (x**2).sum(axis=-1, keepdims=True)
        new_lower = jnp.tanh(
            matmul(x, self.lower_input[...])
            + matmul(lower, self.lower_recurrent[...])
            + self.lower_bias[...]
        )
        candidate = jnp.tanh(
            matmul(jnp.concatenate([x, new_lower], axis=-1), self.upper_input[...])
            + matmul(upper, self.upper_recurrent[...])
            + self.upper_bias[...]
        )
        upper = jnp.where(unexpected, candidate, upper)
        output = jnp.concatenate([new_lower, upper], axis=-1)
        loss = self.options.weight * squares / self.inputs
        return (new_lower, upper), _with_loss(output, loss)


@jax.custom_vjp
def _with_loss(
    output: Float[Array, "rows hidden"], loss: Float[Array, "rows 1"]
) -> Float[Array, "rows hidden"]:
    """`output`, with a loss that is minimised beside that of the task.

    A cell does not see the loss of the task. The gradient of `loss` is therefore scaled by the size
    of the gradient that reaches the output, so that both stay in proportion, and a row that does
    not count for the task does not count here.
    """
    return output


def _with_loss_backward(_: None, d_output: Array) -> tuple[Array, Array]:
    return d_output, jnp.sqrt((d_output**2).sum(axis=-1, keepdims=True))


_with_loss.defvjp(lambda output, loss: (output, None), _with_loss_backward)
