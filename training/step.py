"""One update of the weights, as one compiled function."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array

from textrnn.parameters import Params, merge_model
from textrnn.tasks import Batch, Task
from training.optimizer import split_frozen
from training.recipe import TrainConfig
from training.shards import Shards


class State(NamedTuple):
    """The arrays that an update reads and writes."""

    params: Params
    optimizer: Any
    """State of the optimizer, of the trained parameters only."""
    average: Params
    """The moving average of the trained parameters; empty without one."""
    carry: Any
    """The recurrent state of the streams (truncated BPTT) of each shard, on a first axis; empty if
    rows are independent."""
    step: Array

    @property
    def best_params(self) -> Params:
        """The weights to evaluate and to save."""
        return self.params | self.average


Loss = Callable[[Any, Any, Array, Any], tuple[Array, Array, Any]]
"""(model, batch, key, carry) -> (sum of losses, sum of weights, next carry)."""


def without_carry(task: Task) -> Loss:
    """The loss of a task whose rows are independent, with an empty carry."""
    return lambda model, batch, key, carry: (*task.loss(model, batch, key), carry)


def initial_state(
    params: Params, optimizer: optax.GradientTransformation, config: TrainConfig, carry: Any
) -> State:
    trained, _ = split_frozen(config.optimizer, params)
    average = jax.tree.map(jnp.copy, trained) if config.ema else {}
    return State(params, optimizer.init(trained), average, carry, jnp.zeros((), jnp.int32))


def make_step(
    loss: Loss,
    graph: nnx.GraphDef,
    optimizer: optax.GradientTransformation,
    config: TrainConfig,
    shards: Shards,
) -> Callable[[State, Batch], tuple[State, Array]]:
    """(state, batch) -> (state, mean loss), compiled once for each shape of a batch, whose shards
    are on a first axis.

    The random numbers of a shard depend on the seed, the number of the step and that of the shard
    alone.
    """
    seed = jax.random.key(config.seed)

    def sums(
        weights: tuple[Params, Params, Array], shard: Array, batch: Batch, carry: Any
    ) -> tuple[Any, Any]:
        """The gradient, the losses and their weights, of a shard."""
        trained, frozen, key = weights
        dropping, rest = jax.random.split(key)

        def total_loss(trained: Params) -> tuple[Array, tuple[Array, Any]]:
            params = drop_weights(trained, config.weight_drop, dropping) | frozen
            if config.precision != "float32":
                params = {name: p.astype(config.precision) for name, p in params.items()}
            model = merge_model(graph, params)
            total, weight, next_carry = loss(model, batch, jax.random.fold_in(rest, shard), carry)
            return total, (weight, next_carry)

        (total, (weight, next_carry)), gradient = jax.value_and_grad(total_loss, has_aux=True)(
            trained
        )
        return (gradient, total, weight), next_carry

    def update(state: State, batch: Batch) -> tuple[State, Array]:
        key = jax.random.fold_in(seed, state.step)
        trained: Any
        trained, frozen = split_frozen(config.optimizer, state.params)
        (gradient, total, weight), carry = shards.sum(sums)(
            (trained, frozen, key), batch, state.carry
        )
        weight = jnp.maximum(weight, 1e-6)
        gradient, mean = jax.tree.map(lambda g: g / weight, gradient), total / weight
        change, optimizer_state = optimizer.update(gradient, state.optimizer, trained)
        trained = optax.apply_updates(trained, change)
        # The average of the first steps follows the weights closely, to forget the initial weights.
        decay = jnp.minimum(config.ema, (1 + state.step) / (10 + state.step))
        average: Any = {}
        if config.ema:
            average = optax.incremental_update(trained, state.average, 1 - decay)
        return State(trained | frozen, optimizer_state, average, carry, state.step + 1), mean

    return jax.jit(update, donate_argnums=0)


def drop_weights(params: Params, rate: float, key: Array) -> Params:
    """Recurrent weights zeroed at random, one mask for the whole step (Merity et al. 2018)."""
    if rate == 0:
        return params
    dropped = dict(params)
    for index, name in enumerate(sorted(params)):
        if name.endswith("recurrent_kernel"):
            keep = jax.random.bernoulli(
                jax.random.fold_in(key, index), 1 - rate, params[name].shape
            )
            dropped[name] = jnp.where(keep, params[name] / (1 - rate), 0)
    return dropped
