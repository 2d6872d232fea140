"""Recurrent cells: what happens at one time step.

    cell.carry(rows)                  the state before the first step, a tuple of [rows, hidden]
    cell.project(x)                   all that does not need the past: one product for all steps
    cell.step(carry, projected)       one step -> (carry, output)

A step is a matrix product with the past and then elementwise work. Cells name the two apart,
because the gradient of the product is cheapest taken over all steps at once (see `unroll`):
`step` is `gates(small, carry, projected, carry[-1] @ kernel())`. A new cell is a subclass with
`width`, `carries` and `gates`, and an entry of `CELLS`.
"""

from abc import abstractmethod
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float
from pydantic import AfterValidator

from textrnn.layers.linear import matmul

Carry = tuple[Float[Array, "rows hidden"], ...]
Small = dict[str, Float[Array, "..."]]


class Cell(nnx.Module):
    """A cell with one input kernel, one recurrent kernel and vectors of small parameters."""

    width: ClassVar[int]
    """Pre-activations per hidden unit."""
    carries: ClassVar[int]
    """Arrays in the carry. The last one is what the recurrent kernel multiplies."""
    additive: ClassVar[bool] = True
    """Whether `gates` looks at nothing but the sum of `projected` and `recurrent`."""
    hoisted: ClassVar[bool] = True
    """Whether `project` is the product with the input kernel."""

    def __init__(self, inputs: int, hidden: int, *, rngs: nnx.Rngs):
        self.hidden = hidden
        glorot = nnx.initializers.glorot_uniform()
        orthogonal = nnx.initializers.orthogonal()
        blocks = [(hidden, hidden)] * self.width
        self.input_kernel = nnx.Param(
            jnp.concatenate([glorot(rngs.params(), (inputs, hidden)) for _ in blocks], axis=1)
        )
        self.recurrent_kernel = nnx.Param(
            jnp.concatenate([orthogonal(rngs.params(), block) for block in blocks], axis=1)
        )
        self.bias = nnx.Param(jnp.zeros(self.width * hidden))

    def carry(self, rows: int) -> Carry:
        return (jnp.zeros((rows, self.hidden)),) * self.carries

    def project(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch width*hidden"]:
        return matmul(x, self.input_kernel[...])

    def kernel(self) -> Float[Array, "hidden width*hidden"]:
        """What the past is multiplied by."""
        return self.recurrent_kernel[...]

    def step(
        self, carry: Carry, projected: Float[Array, "rows width*hidden"]
    ) -> tuple[Carry, Float[Array, "rows hidden"]]:
        recurrent = matmul(carry[-1], self.kernel())
        return self.gates(self.small(), carry, projected, recurrent)

    def small(self) -> Small:
        """The other parameters, as `gates` takes them."""
        return {"bias": self.bias[...]}

    @staticmethod
    @abstractmethod
    def gates(
        small: Small, carry: Carry, projected: Array, recurrent: Array
    ) -> tuple[Carry, Array]:
        """The elementwise rest of a step, in float32."""


class Elman(Cell):
    """h' = tanh(W x + U h + b). Elman 1990, Finding structure in time."""

    width = 1
    carries = 1

    @staticmethod
    def gates(small, carry, projected, recurrent):
        h = jnp.tanh(projected + recurrent + small["bias"])
        return (h,), h


class LSTM(Cell):
    """Long short-term memory with forget gate, gates in the order i, f, g, o.

    c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c').
    Hochreiter and Schmidhuber 1997; Gers et al. 2000. The forget gate's bias starts at 1
    (Jozefowicz et al. 2015).
    """

    width = 4
    carries = 2

    def __init__(self, inputs: int, hidden: int, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, rngs=rngs)
        self.bias[...] = self.bias[...].at[hidden : 2 * hidden].set(1.0)

    @staticmethod
    def gates(small, carry, projected, recurrent):
        c, h = carry
        # One tanh for all four gates, since sigmoid(z) = (1 + tanh(z / 2)) / 2: measured a tenth
        # to a quarter faster on CPU than three sigmoids and a tanh.
        half = jnp.repeat(jnp.array([0.5, 0.5, 1.0, 0.5]), h.shape[-1])
        i, f, g, o = jnp.split(jnp.tanh((projected + recurrent + small["bias"]) * half), 4, axis=-1)
        c = 0.5 * ((f + 1) * c + (i + 1) * g)
        h = 0.5 * (o + 1) * jnp.tanh(c)
        return (c, h), h


class GRU(Cell):
    """Gated recurrent unit, gates in the order r, z, n, the reset applied after the product.

    n = tanh(W x + b + r (U h + b'));  h' = (1 - z) n + z h.
    Cho et al. 2014, in the form of cuDNN and PyTorch.
    """

    width = 3
    carries = 1
    additive = False

    def __init__(self, inputs: int, hidden: int, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, rngs=rngs)
        self.recurrent_bias = nnx.Param(jnp.zeros(hidden))

    def small(self) -> Small:
        return {"bias": self.bias[...], "recurrent_bias": self.recurrent_bias[...]}

    @staticmethod
    def gates(small, carry, projected, recurrent):
        (h,) = carry
        hidden = h.shape[-1]
        projected = projected + small["bias"]
        r, z = jnp.split(
            jax.nn.sigmoid(projected[..., : 2 * hidden] + recurrent[..., : 2 * hidden]), 2, axis=-1
        )
        n = jnp.tanh(
            projected[..., 2 * hidden :]
            + r * (recurrent[..., 2 * hidden :] + small["recurrent_bias"])
        )
        h = (1 - z) * n + z * h
        return (h,), h


class Mogrifier(LSTM):
    """An LSTM whose input and state gate each other in turn, five times, before each step.

    x <- 2 sigmoid(Q h) x, then h <- 2 sigmoid(R x) h, and so on. Melis et al. 2020, equations 1
    and 2, with full matrices. The input is read anew at each step, so that no product can be taken
    out of the loop, and a step has seven where an LSTM's has one.
    """

    additive = False
    hoisted = False

    def __init__(self, inputs: int, hidden: int, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, rngs=rngs)
        glorot = nnx.initializers.glorot_uniform()
        self.input_gates = nnx.Param(
            jnp.stack([glorot(rngs.params(), (hidden, inputs)) for _ in range(3)])
        )
        self.state_gates = nnx.Param(
            jnp.stack([glorot(rngs.params(), (inputs, hidden)) for _ in range(2)])
        )

    def project(self, x):
        return x.astype(jnp.float32)

    def kernel(self):
        return self.input_gates[...][0]

    def small(self) -> Small:
        return {
            "bias": self.bias[...],
            "input_kernel": self.input_kernel[...],
            "recurrent_kernel": self.recurrent_kernel[...],
            "input_gates": self.input_gates[...][1:],
            "state_gates": self.state_gates[...],
        }

    @staticmethod
    def gates(small, carry, projected, recurrent):
        c, h = carry
        x = 2 * jax.nn.sigmoid(recurrent) * projected
        for q, r in zip(small["input_gates"], small["state_gates"], strict=True):
            h = 2 * jax.nn.sigmoid(matmul(x, r)) * h
            x = 2 * jax.nn.sigmoid(matmul(h, q)) * x
        projected = matmul(x, small["input_kernel"])
        recurrent = matmul(h, small["recurrent_kernel"])
        return LSTM.gates({"bias": small["bias"]}, (c, h), projected, recurrent)


CELLS: dict[str, type[Cell]] = {"elman": Elman, "lstm": LSTM, "gru": GRU, "mogrifier": Mogrifier}


def _known(name: str) -> str:
    if name not in CELLS:
        raise ValueError(f"no such cell; there are {', '.join(CELLS)}")
    return name


CellName = Annotated[str, AfterValidator(_known)]
"""In a config: the name of one of `CELLS`."""
