"""Recurrent cells: the computation of one time step.

    cell.carry(rows)                  the initial state, a tuple of [rows, hidden]
    cell.project(x)                   everything that does not depend on the state, for all steps
    cell.step(carry, projected)       one step -> (carry, output)

A step is a matrix product with the state, followed by elementwise operations. The two are separate
methods because the gradient of the product is cheapest when taken over all steps at once (see
`unroll`): `step` is `gates(parameters, carry, projected, carry[-1] @ kernel())`. A new cell is a
subclass with `width`, `carries` and `gates`, and an entry of `CELLS`.
"""

from abc import abstractmethod
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float
from pydantic import AfterValidator

from textrnn.layers.linear import matmul
from textrnn.layers.packing import Packable
from textrnn.native.recurrent import NativeCell, Packed, Weights, pack_weights
from textrnn.parameters import initial

Carry = tuple[Float[Array, "rows hidden"], ...]
GateParameters = dict[str, Float[Array, "..."]]
"""What `gates` needs besides the recurrent kernel, by name."""
Gates = Float[Array, "rows gates"]


class Cell(Packable):
    """A cell with one input kernel, one recurrent kernel and bias vectors."""

    width: ClassVar[int]
    """Pre-activations per hidden unit."""
    carries: ClassVar[int]
    """Arrays in the carry. The recurrent kernel multiplies the last one."""
    additive: ClassVar[bool] = True
    """Whether `gates` depends on `projected` and `recurrent` only through their sum."""
    hoisted: ClassVar[bool] = True
    """Whether `project` is the product with the input kernel, done once for all steps."""
    native: ClassVar[NativeCell | None] = None
    """The native kernel of this cell, if there is one."""

    def __init__(self, inputs: int, hidden: int, *, rngs: nnx.Rngs):
        self.inputs = inputs
        self.hidden = hidden
        glorot = nnx.initializers.glorot_uniform()
        orthogonal = nnx.initializers.orthogonal()
        blocks = [(hidden, hidden)] * self.width
        self.input_kernel = nnx.Param(
            jnp.concatenate([initial(glorot, rngs, (inputs, hidden)) for _ in blocks], axis=1)
        )
        self.recurrent_kernel = nnx.Param(
            jnp.concatenate([initial(orthogonal, rngs, block) for block in blocks], axis=1)
        )
        self.bias = nnx.Param(jnp.zeros(self.width * hidden))
        self.packed: nnx.Param | None = nnx.data(None)

    def carry(self, rows: int) -> Carry:
        """The state before the first step: zeros."""
        return (jnp.zeros((rows, self.hidden)),) * self.carries

    def project(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch gates"]:
        """The part of the pre-activations that does not depend on the state."""
        return matmul(x, self.input_kernel[...])

    def kernel(self) -> Float[Array, "hidden gates"]:
        """The matrix that the last array of the carry is multiplied by."""
        return self.recurrent_kernel[...]

    def step(self, carry: Carry, projected: Gates) -> tuple[Carry, Float[Array, "rows hidden"]]:
        """One time step: the new carry and the output."""
        recurrent = matmul(carry[-1], self.kernel())
        return self.gates(self.gate_parameters(), carry, projected, recurrent)

    def gate_parameters(self) -> GateParameters:
        """The parameters that `gates` needs."""
        return {"bias": self.bias[...]}

    def weights(self) -> Weights | Packed:
        """The parameters as the native kernel takes them."""
        if self.packed is not None:
            return self.packed.get_value()
        biases = {name: p.astype(jnp.float32) for name, p in self.gate_parameters().items()}
        return Weights(self.input_kernel[...], self.recurrent_kernel[...], **biases)

    def pack(self) -> None:
        """Bring the weights into the order of the native kernel, if there is one. The cell can
        only be unrolled afterwards."""
        if self.native is not None:
            weights = self.weights()
            assert isinstance(weights, Weights), "the weights are packed already"
            self.packed = nnx.Param(pack_weights(self.native, weights))
            for name in ("input_kernel", "recurrent_kernel", *self.gate_parameters()):
                delattr(self, name)

    @staticmethod
    @abstractmethod
    def gates(
        parameters: GateParameters, carry: Carry, projected: Gates, recurrent: Gates
    ) -> tuple[Carry, Float[Array, "rows hidden"]]:
        """The elementwise rest of a step, in float32."""


class Elman(Cell):
    """h' = tanh(W x + U h + b). Elman 1990, Finding structure in time."""

    width = 1
    carries = 1
    native = "elman"

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        h = jnp.tanh(projected + recurrent + parameters["bias"])
        return (h,), h


class LSTM(Cell):
    """Long short-term memory with a forget gate; gates in the order i, f, g, o.

    c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c').
    Hochreiter and Schmidhuber 1997; Gers et al. 2000. The forget gate's bias starts at 1
    (Jozefowicz et al. 2015).
    """

    width = 4
    carries = 2
    native = "lstm"

    def __init__(self, inputs: int, hidden: int, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, rngs=rngs)
        self.bias[...] = self.bias[...].at[hidden : 2 * hidden].set(1.0)

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        c, h = carry
        # One tanh for all four gates, since sigmoid(z) = (1 + tanh(z / 2)) / 2: 10 to 25 % faster
        # on CPU than three sigmoids and a tanh.
        half = jnp.repeat(jnp.array([0.5, 0.5, 1.0, 0.5]), h.shape[-1])
        i, f, g, o = jnp.split(
            jnp.tanh((projected + recurrent + parameters["bias"]) * half), 4, axis=-1
        )
        c = 0.5 * ((f + 1) * c + (i + 1) * g)
        h = 0.5 * (o + 1) * jnp.tanh(c)
        return (c, h), h


class GRU(Cell):
    """Gated recurrent unit; gates in the order r, z, n, the reset applied after the product.

    n = tanh(W x + b + r (U h + b'));  h' = (1 - z) n + z h.
    Cho et al. 2014, in the form of cuDNN and PyTorch.
    """

    width = 3
    carries = 1
    additive = False
    native = "gru"

    def __init__(self, inputs: int, hidden: int, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, rngs=rngs)
        self.recurrent_bias = nnx.Param(jnp.zeros(hidden))

    def gate_parameters(self) -> GateParameters:
        return {"bias": self.bias[...], "recurrent_bias": self.recurrent_bias[...]}

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        (h,) = carry
        hidden = h.shape[-1]
        projected = projected + parameters["bias"]
        r, z = jnp.split(
            jax.nn.sigmoid(projected[..., : 2 * hidden] + recurrent[..., : 2 * hidden]), 2, axis=-1
        )
        n = jnp.tanh(
            projected[..., 2 * hidden :]
            + r * (recurrent[..., 2 * hidden :] + parameters["recurrent_bias"])
        )
        h = (1 - z) * n + z * h
        return (h,), h


class Mogrifier(LSTM):
    """An LSTM whose input and state gate each other alternately, five times, before each step.

    x <- 2 sigmoid(Q h) x, then h <- 2 sigmoid(R x) h, and so on. Melis et al. 2020, equations 1
    and 2, with full matrices. The gated input depends on the state, so no product can be moved out
    of the loop: a step has seven matrix products, an LSTM's has one.
    """

    additive = False
    hoisted = False
    native = None

    def __init__(self, inputs: int, hidden: int, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, rngs=rngs)
        glorot = nnx.initializers.glorot_uniform()
        self.input_gates = nnx.Param(
            jnp.stack([initial(glorot, rngs, (hidden, inputs)) for _ in range(3)])
        )
        self.state_gates = nnx.Param(
            jnp.stack([initial(glorot, rngs, (inputs, hidden)) for _ in range(2)])
        )

    def project(self, x):
        return x.astype(jnp.float32)

    def kernel(self):
        return self.input_gates[...][0]

    def gate_parameters(self) -> GateParameters:
        return {
            "bias": self.bias[...],
            "input_kernel": self.input_kernel[...],
            "recurrent_kernel": self.recurrent_kernel[...],
            "input_gates": self.input_gates[...][1:],
            "state_gates": self.state_gates[...],
        }

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        c, h = carry
        x = 2 * jax.nn.sigmoid(recurrent) * projected
        for q, r in zip(parameters["input_gates"], parameters["state_gates"], strict=True):
            h = 2 * jax.nn.sigmoid(matmul(x, r)) * h
            x = 2 * jax.nn.sigmoid(matmul(h, q)) * x
        projected = matmul(x, parameters["input_kernel"])
        recurrent = matmul(h, parameters["recurrent_kernel"])
        return LSTM.gates({"bias": parameters["bias"]}, (c, h), projected, recurrent)


CELLS: dict[str, type[Cell]] = {"elman": Elman, "lstm": LSTM, "gru": GRU, "mogrifier": Mogrifier}


def _validate_cell_name(name: str) -> str:
    if name not in CELLS:
        raise ValueError(f"unknown cell; expected one of {', '.join(CELLS)}")
    return name


CellName = Annotated[str, AfterValidator(_validate_cell_name)]
"""A config value: one of the names in `CELLS`."""
