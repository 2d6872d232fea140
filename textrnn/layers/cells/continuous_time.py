"""Units with time constants."""

import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from pydantic import Field, field_validator

from textrnn.config import Config
from textrnn.layers.cells.one_product import GateParameters, OneProductCell


class CTRNNOptions(Config):
    method: Literal["exponential", "euler"] = "exponential"
    """How the differential equation is integrated over a step: exactly for a constant input of the
    unit, or by one step of Euler's method."""
    slowest: float = Field(default=10.0, gt=1)
    """Initial time constants are from 1 to this number of steps, evenly on a logarithmic scale."""


class CTRNN(OneProductCell):
    """A continuous-time recurrent network (CTRNN), with learnt time constants.

    tau du/dt = -u + W x + U y + b, y = tanh(u), over a step of length 1. Beer 1995, equation 1;
    Funahashi and Nakamura 1993. Both let the input act on the units directly, here it has weights.
    Beer's units are logistic. His bias is inside of them, which is the same for u + b as state.
    Time constants are 1 + softplus of a parameter, so that Euler's method is stable.
    """

    width = 1
    carries = 2
    options_type = CTRNNOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        # The inverse of softplus; the smallest is a little above 0, where it would be -inf.
        above_one = np.geomspace(1.01, options.slowest, hidden) - 1
        self.time = nnx.Param(jnp.asarray(np.log(np.expm1(above_one)), jnp.float32))

    def gate_parameters(self) -> GateParameters:
        tau = 1 + jax.nn.softplus(self.time[...])
        rate = 1 / tau if self.options.method == "euler" else -jnp.expm1(-1 / tau)
        return {"bias": self.bias[...], "rate": rate}

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        u, _ = carry
        u = u + parameters["rate"] * (projected + recurrent + parameters["bias"] - u)
        y = jnp.tanh(u)
        return (u, y), y


class MTRNNOptions(Config):
    time_constants: tuple[float, ...] = (2.0, 5.0, 70.0)
    """Of the groups of units, in steps; the first group reads the input. The units are divided
    evenly among the groups."""

    @field_validator("time_constants")
    @classmethod
    def _at_least_one(cls, constants: tuple[float, ...]) -> tuple[float, ...]:
        if not constants or min(constants) < 1 or list(constants) != sorted(constants):
            raise ValueError("expected numbers of at least 1 in ascending order")
        return constants


class MTRNN(OneProductCell):
    """A multiple-timescale recurrent network (MTRNN): groups of units with fixed time constants.

    u' = (1 - 1/tau) u + (W x + U y + b) / tau, y = tanh(u). Yamashita and Tani 2008, whose units
    are logistic, those of the input and output a softmax. The input reaches the fastest group, and
    a group reads itself and its neighbours in time.
    """

    width = 1
    carries = 2
    options_type = MTRNNOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        self._groups()  # raises

    def _groups(self) -> np.ndarray:
        return group_of_units(self.hidden, len(self.options.time_constants), "time_constants")

    def input_weights(self):
        reads = jnp.asarray(self._groups() == 0)
        return jnp.where(reads, self.input_kernel[...], 0)

    def kernel(self):
        groups = self._groups()
        near = jnp.asarray(np.abs(groups[:, None] - groups) <= 1)
        return jnp.where(near, self.recurrent_kernel[...], 0)

    def gate_parameters(self) -> GateParameters:
        tau = np.asarray(self.options.time_constants)[self._groups()]
        return {"bias": self.bias[...], "rate": jnp.asarray(1 / tau, jnp.float32)}

    gates = staticmethod(CTRNN.gates)


class ClockworkOptions(Config):
    periods: tuple[int, ...] = (1, 2, 4, 8)
    """Of the groups of units, in steps. The units are divided evenly among the groups."""

    @field_validator("periods")
    @classmethod
    def _ascending(cls, periods: tuple[int, ...]) -> tuple[int, ...]:
        if not periods or min(periods) < 1 or list(periods) != sorted(set(periods)):
            raise ValueError("expected different whole numbers of at least 1 in ascending order")
        if math.lcm(*periods) > 1 << 20:
            raise ValueError("expected periods with a smaller common multiple")
        return periods


class ClockworkRNN(OneProductCell):
    """Groups of units that are updated every 1, 2, 4, ... steps and keep their state in between.

    h' = tanh(W x + U h + b) where the step is a multiple of the period, counted from 0. Koutnik et
    al. 2014, section 3. A group reads itself and slower groups.
    """

    width = 1
    carries = 2
    bridged = 1
    options_type = ClockworkOptions

    def __init__(self, inputs: int, hidden: int, options: Any, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, options, rngs=rngs)
        self._groups()  # raises

    @classmethod
    def initial_carry(cls, rows, hidden, options):
        return jnp.zeros((rows, 1)), jnp.zeros((rows, hidden))

    def _groups(self) -> np.ndarray:
        return group_of_units(self.hidden, len(self.options.periods), "periods")

    def kernel(self):
        groups = self._groups()
        return jnp.where(jnp.asarray(groups[:, None] >= groups), self.recurrent_kernel[...], 0)

    def gate_parameters(self) -> GateParameters:
        periods = np.asarray(self.options.periods)
        return {
            "bias": self.bias[...],
            "period": jnp.asarray(periods[self._groups()], jnp.float32),
            "cycle": jnp.full(1, math.lcm(*self.options.periods), jnp.float32),
        }

    @staticmethod
    def gates(parameters, carry, projected, recurrent):
        t, h = carry
        candidate = jnp.tanh(projected + recurrent + parameters["bias"])
        h = jnp.where(jnp.mod(t, parameters["period"]) == 0, candidate, h)
        return (jnp.mod(t + 1, parameters["cycle"]), h), h


def group_of_units(hidden: int, groups: int, name: str) -> np.ndarray:
    """The group of each unit, all of about the same size. Raises ValueError if one were empty."""
    if groups > hidden:
        raise ValueError(f"{name} has {groups} groups for {hidden} units; each needs a unit")
    return np.arange(hidden) * groups // hidden
