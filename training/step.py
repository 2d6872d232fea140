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
from training.recipe import TrainConfig


class State(NamedTuple):
    """All that an update reads and writes."""

    params: Params
    optimizer: Any
    average: Params
    """The moving average of the weights; empty without one."""
    past: Any
    """What the streams have come to; nothing where rows are independent."""
    step: Array

    @property
    def best_params(self) -> Params:
        """The weights to evaluate and to save."""
        return self.average or self.params


def initial_state(
    params: Params, optimizer: optax.GradientTransformation, config: TrainConfig, past: Any
) -> State:
    average = jax.tree.map(jnp.copy, params) if config.ema else {}
    return State(params, optimizer.init(params), average, past, jnp.zeros((), jnp.int32))


def make_step(
    task: Task, graph: nnx.GraphDef, optimizer: optax.GradientTransformation, config: TrainConfig
) -> Callable[[State, Batch], tuple[State, Array]]:
    """(state, batch) -> (state, mean loss), compiled once for each shape of a batch.

    The random numbers of a step depend on the seed and the number of the step alone.
    """
    seed = jax.random.key(config.seed)

    def mean_loss(params: Params, batch: Batch, past: Any, key: Array) -> tuple[Array, Any]:
        dropping, rest = jax.random.split(key)
        params = drop_weights(params, config.weight_drop, dropping)
        if config.precision != "float32":
            params = {name: p.astype(config.precision) for name, p in params.items()}
        total, weight, past = task.loss_onward(merge_model(graph, params), batch, rest, past)
        return total / jnp.maximum(weight, 1e-6), past

    def update(state: State, batch: Batch) -> tuple[State, Array]:
        key = jax.random.fold_in(seed, state.step)
        (loss, past), gradient = jax.value_and_grad(mean_loss, has_aux=True)(
            state.params, batch, state.past, key
        )
        change, optimizer_state = optimizer.update(gradient, state.optimizer, state.params)
        params: Any = optax.apply_updates(state.params, change)
        # A young average follows the weights closely: it must not remember where they started.
        decay = jnp.minimum(config.ema, (1 + state.step) / (10 + state.step))
        average: Any = {}
        if config.ema:
            average = optax.incremental_update(params, state.average, 1 - decay)
        return State(params, optimizer_state, average, past, state.step + 1), loss

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
