"""Cells whose step is one matrix product with the state, followed by elementwise operations.

The two are separate methods because the gradient of the product is cheapest when taken over all
steps at once (see `loops.product`): `step` is `gates(parameters, carry, projected, carry[-1] @
kernel())`. Such a cell is a subclass with `width`, `carries` and `gates`.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from textrnn.layers.cells.cell import Cell
from textrnn.layers.linear import matmul
from textrnn.native.recurrent import NativeCell, Packed, Weights, pack_weights
from textrnn.parameters import initial

Carries = tuple[Float[Array, "rows _"], ...]
GateParameters = dict[str, Float[Array, "..."]]
"""What `gates` needs besides the recurrent kernel, by name."""
Gates = Float[Array, "rows gates"]


class OneProductCell(Cell):
    """A cell with one input kernel, one recurrent kernel and bias vectors."""

    width: ClassVar[int]
    """Pre-activations per hidden unit."""
    carries: ClassVar[int]
    """Arrays in the carry. The recurrent kernel multiplies the last one."""
    additive: ClassVar[bool] = True
    """Whether `gates` depends on `projected` and `recurrent` only through their sum."""
    hoisted: ClassVar[bool] = True
    """Whether `project` is the product with `input_weights()`, done once for all steps."""
    native: ClassVar[NativeCell | None] = None
    """The native kernel of this cell, if there is one."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.bridged = cls.__dict__.get("bridged", cls.carries)

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        self._make_kernels(rngs)
        self.bias = nnx.Param(jnp.zeros(self.width * hidden))
        self.packed: nnx.Param | None = nnx.data(None)

    def _make_kernels(self, rngs: nnx.Rngs) -> None:
        inputs, hidden = self.inputs, self.hidden
        glorot = nnx.initializers.glorot_uniform()
        orthogonal = nnx.initializers.orthogonal()
        blocks = [(hidden, hidden)] * self.width
        self.input_kernel = nnx.Param(
            jnp.concatenate([initial(glorot, rngs, (inputs, hidden)) for _ in blocks], axis=1)
        )
        self.recurrent_kernel = nnx.Param(
            jnp.concatenate([initial(orthogonal, rngs, block) for block in blocks], axis=1)
        )

    @classmethod
    def initial_carry(cls, rows: int, hidden: int, options: Any) -> Carries:
        return (jnp.zeros((rows, hidden)),) * cls.carries

    def project(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch gates"]:
        """The part of the pre-activations that does not depend on the state."""
        return matmul(x, self.input_weights())

    def input_weights(self) -> Float[Array, "inputs gates"]:
        """The matrix that the input is multiplied by."""
        return self.input_kernel[...]

    def kernel(self) -> Float[Array, "hidden gates"]:
        """The matrix that the last array of the carry is multiplied by."""
        return self.recurrent_kernel[...]

    def step(self, carry: Carries, projected: Gates) -> tuple[Carries, Float[Array, "rows hidden"]]:
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
        return Weights(self.input_weights(), self.kernel(), **biases)

    def pack(self) -> None:
        """Bring the weights into the order of the native kernel, if there is one. The cell can
        only be unrolled afterwards."""
        if self.native is not None:
            weights = self.weights()
            assert isinstance(weights, Weights), "the weights are packed already"
            for name in [name for name, value in vars(self).items() if type(value) is nnx.Param]:
                delattr(self, name)
            self.packed = nnx.Param(pack_weights(self.native, weights))

    @staticmethod
    @abstractmethod
    def gates(
        parameters: GateParameters, carry: Carries, projected: Gates, recurrent: Gates
    ) -> tuple[Carries, Float[Array, "rows hidden"]]:
        """The elementwise rest of a step, in float32."""
