"""Training by gradient descent."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import optax
from flax import nnx
from jaxtyping import Array, Float

from textrnn.parameters import Params, merge_model, split_model
from training.optimizer import OptimizerConfig, make_optimizer, split_frozen, with_fixed


def minimize(
    model: nnx.Module,
    optimizer: OptimizerConfig,
    loss: Callable[[Any, Any], Float[Array, ""]],
    batches: Iterable[Any],
    updates: int,
) -> tuple[nnx.GraphDef, Params]:
    """The model after an update with `loss(model, batch)` for each of `updates` batches, as
    `split_model` gives it."""
    config = with_fixed(optimizer, model)
    transformation = make_optimizer(config, updates)
    graph, params = split_model(model)
    trained, frozen = split_frozen(config, params)

    def loss_of(trained: Params, batch: Any) -> Array:
        return loss(merge_model(graph, trained | frozen), batch)

    @jax.jit
    def update(trained: Any, state: Any, batch: Any) -> tuple[Any, Any]:
        change, state = transformation.update(jax.grad(loss_of)(trained, batch), state, trained)
        return optax.apply_updates(trained, change), state

    state: Any = transformation.init(trained)
    for batch in batches:
        trained, state = update(trained, state, batch)
    return graph, trained | frozen
