"""Optimizers and schedules from optax, by name."""

from typing import Any, Literal

import optax
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from textrnn.config import Config
from textrnn.parameters import Params


class OptimizerConfig(Config):
    name: Literal["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"] = "adamw"
    rate: PositiveFloat = 1e-3
    """The highest learning rate."""
    schedule: Literal["constant", "linear", "cosine", "exponential"] = "linear"
    """How the rate falls from its highest to `final` of it at the end."""
    final: float = Field(default=0.01, gt=0, le=1)
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """The share of all steps in which the rate rises from zero."""
    weight_decay: NonNegativeFloat = 0.0
    """Decoupled (Loshchilov and Hutter 2019), on matrices only; scaled by the learning rate."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """For momentum, nesterov and rmsprop (there, 0 is plain)."""
    betas: tuple[float, float] = (0.9, 0.999)
    clip: NonNegativeFloat = 1.0
    """The largest norm of a gradient over all parameters; 0: unlimited."""
    accumulate: PositiveInt = 1
    """Batches whose gradients make one update."""
    scales: dict[str, NonNegativeFloat] = {}
    """What to multiply the rate by for parameters whose names begin so; 0 freezes them."""


def make_schedule(config: OptimizerConfig, updates: int) -> optax.Schedule:
    """The learning rate at each of `updates` updates."""
    rise = int(config.warmup * updates)
    fall = max(updates - rise, 1)
    end = config.rate * config.final
    down = {
        "constant": lambda: optax.constant_schedule(config.rate),
        "linear": lambda: optax.linear_schedule(config.rate, end, fall),
        "cosine": lambda: optax.cosine_decay_schedule(config.rate, fall, alpha=config.final),
        "exponential": lambda: optax.exponential_decay(config.rate, fall, config.final),
    }[config.schedule]()
    if not rise:
        return down
    return optax.join_schedules([optax.linear_schedule(0.0, config.rate, rise), down], [rise])


def make_optimizer(config: OptimizerConfig, updates: int) -> optax.GradientTransformation:
    """Clip, direction, weight decay, rate, in this order."""
    schedule = make_schedule(config, updates)
    first, second = config.betas
    direction = {
        "sgd": optax.identity,
        "momentum": lambda: optax.trace(config.momentum),
        "nesterov": lambda: optax.trace(config.momentum, nesterov=True),
        "adam": lambda: optax.scale_by_adam(first, second),
        "adamw": lambda: optax.scale_by_adam(first, second),
        "rmsprop": lambda: optax.chain(optax.scale_by_rms(), optax.trace(config.momentum)),
    }[config.name]()
    steps = [direction, optax.add_decayed_weights(config.weight_decay, mask=_matrices)]
    if config.clip:
        steps.insert(0, optax.clip_by_global_norm(config.clip))
    steps.append(optax.scale_by_learning_rate(schedule))
    if config.scales:
        steps.append(_scale_by_name(config.scales))
    chain = optax.chain(*steps)
    if config.accumulate == 1:
        return chain
    return optax.MultiSteps(chain, config.accumulate).gradient_transformation()


def _matrices(params: Params) -> dict[str, bool]:
    return {name: leaf.ndim > 1 for name, leaf in params.items()}


def _scale_by_name(scales: dict[str, float]) -> optax.GradientTransformation:
    def scale(name: str) -> float:
        begins = [prefix for prefix in scales if name.startswith(prefix)]
        return scales[max(begins, key=len)] if begins else 1.0

    def update(updates: Any, _: Any) -> Any:
        return {name: value * scale(name) for name, value in updates.items()}

    return optax.stateless(update)
