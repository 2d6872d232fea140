"""Optimizers and learning-rate schedules, built from optax."""

from typing import Any, Literal

import optax
from flax import nnx
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from textrnn.config import Config
from textrnn.parameters import Params, fixed_names


class OptimizerConfig(Config):
    """Optimizer and learning-rate schedule."""

    name: Literal["sgd", "momentum", "adam", "adamw", "rmsprop"] = "adamw"
    """Name of the optimizer."""
    rate: PositiveFloat = 1e-3
    """Peak learning rate."""
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    """Shape of the decay from the peak rate to `final` times the peak rate."""
    final: float = Field(default=0.01, gt=0, le=1)
    """Final learning rate as a fraction of the peak rate."""
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of all updates in which the rate rises linearly from zero."""
    weight_decay: NonNegativeFloat = 0.0
    """Decoupled weight decay of matrices (Loshchilov and Hutter 2019), times the learning rate."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Momentum of momentum and rmsprop."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay rates of the two moment estimates of adam and adamw."""
    clip: NonNegativeFloat = 1.0
    """Maximum global norm of the gradient. 0 disables clipping."""
    accumulate: PositiveInt = 1
    """Number of batches whose gradients are averaged into one update."""
    scales: dict[str, NonNegativeFloat] = {}
    """Multipliers of the learning rate by prefix of the parameter name; 0 freezes parameters, which
    then cost neither a gradient nor the memory of the optimizer."""


def make_schedule(config: OptimizerConfig, updates: int) -> optax.Schedule:
    """The learning rate as a function of the update, for `updates` updates."""
    rise = int(config.warmup * updates)
    fall = max(updates - rise, 1)
    end = config.rate * config.final
    down = {
        "constant": lambda: optax.constant_schedule(config.rate),
        "linear": lambda: optax.linear_schedule(config.rate, end, fall),
        "cosine": lambda: optax.cosine_decay_schedule(config.rate, fall, alpha=config.final),
    }[config.schedule]()
    if not rise:
        return down
    return optax.join_schedules([optax.linear_schedule(0.0, config.rate, rise), down], [rise])


def make_optimizer(config: OptimizerConfig, updates: int) -> optax.GradientTransformation:
    """Clipping, optimizer direction, weight decay and learning rate, in this order."""
    schedule = make_schedule(config, updates)
    first, second = config.betas
    direction = {
        "sgd": optax.identity,
        "momentum": lambda: optax.trace(config.momentum),
        "adam": lambda: optax.scale_by_adam(first, second),
        "adamw": lambda: optax.scale_by_adam(first, second),
        "rmsprop": lambda: optax.chain(optax.scale_by_rms(), optax.trace(config.momentum)),
    }[config.name]()
    steps = [direction, optax.add_decayed_weights(config.weight_decay, mask=_matrices)]
    if config.clip:
        steps.insert(0, optax.clip_by_global_norm(config.clip))
    steps.append(optax.scale_by_learning_rate(schedule))
    if config.scales:
        steps.append(_scale_by_name(config))
    chain = optax.chain(*steps)
    if config.accumulate == 1:
        return chain
    return optax.MultiSteps(chain, config.accumulate).gradient_transformation()


def _matrices(params: Params) -> dict[str, bool]:
    return {name: leaf.ndim > 1 for name, leaf in params.items()}


def with_fixed(config: OptimizerConfig, model: nnx.Module) -> OptimizerConfig:
    """The config with the rate of the model's `Fixed` weights scaled to zero."""
    scales = config.scales | dict.fromkeys(fixed_names(model), 0.0)
    return config.model_copy(update={"scales": scales})


def split_frozen(config: OptimizerConfig, params: Params) -> tuple[Params, Params]:
    """The parameters that are trained, and those whose rate is scaled to zero."""
    trained = {name: leaf for name, leaf in params.items() if _scale(config, name)}
    frozen = {name: leaf for name, leaf in params.items() if name not in trained}
    return trained, frozen


def _scale(config: OptimizerConfig, name: str) -> float:
    """The multiplier of the longest prefix that fits."""
    prefixes = [prefix for prefix in config.scales if name.startswith(prefix)]
    return config.scales[max(prefixes, key=len)] if prefixes else 1.0


def _scale_by_name(config: OptimizerConfig) -> optax.GradientTransformation:
    def update(updates: Any, _: Any) -> Any:
        return {name: value * _scale(config, name) for name, value in updates.items()}

    return optax.stateless(update)
