"""Optimizers and schedules against values worked out by hand."""

from typing import Any, get_args

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from training.optimizer import OptimizerConfig, make_optimizer, make_schedule, split_frozen

NAMES = get_args(OptimizerConfig.model_fields["name"].annotation)


def updated(optimizer, *arguments) -> tuple[dict[str, Any], Any]:
    """The change of each parameter and the new state; the types of optax exclude dictionaries."""
    return optimizer.update(*arguments)


def descend(steps=200, **settings) -> dict[str, Any]:
    """Minimise (kernel - 3)^2 + (bias + 1)^2."""
    optimizer = make_optimizer(OptimizerConfig.parse(settings, source="test"), steps)
    params = {"a.kernel": jnp.zeros((2, 2)), "a.bias": jnp.zeros(2)}
    state = optimizer.init(params)
    for _ in range(steps):
        gradient = {"a.kernel": 2 * (params["a.kernel"] - 3), "a.bias": 2 * (params["a.bias"] + 1)}
        change, state = updated(optimizer, gradient, state, params)
        params: Any = optax.apply_updates(params, change)
    return params


@pytest.mark.parametrize("name", NAMES)
def test_every_optimizer_goes_downhill(name):
    params = descend(name=name, rate=0.05, clip=0)
    np.testing.assert_allclose(params["a.kernel"], 3, atol=0.2)
    np.testing.assert_allclose(params["a.bias"], -1, atol=0.2)


def test_weight_decay_shrinks_matrices_at_zero_gradient():
    """Fails if the decay is scaled by Adam or not by the rate, or applies to biases."""
    config = OptimizerConfig(name="adamw", rate=0.1, schedule="constant", weight_decay=0.5)
    optimizer = make_optimizer(config, 10)
    params = {"kernel": jnp.full((2, 2), 4.0), "bias": jnp.full(2, 4.0)}
    zero = {"kernel": jnp.zeros((2, 2)), "bias": jnp.zeros(2)}
    change, _ = updated(optimizer, zero, optimizer.init(params), params)
    np.testing.assert_allclose(change["kernel"], -0.1 * 0.5 * 4, rtol=1e-6)
    np.testing.assert_array_equal(change["bias"], 0)


def test_clipping_bounds_the_norm_over_all_parameters():
    optimizer = make_optimizer(OptimizerConfig(name="sgd", rate=1, schedule="constant", clip=5), 10)
    params = {"a": jnp.zeros(1), "b": jnp.zeros(1)}
    change, _ = updated(
        optimizer, {"a": jnp.array([30.0]), "b": jnp.array([40.0])}, optimizer.init(params), params
    )
    np.testing.assert_allclose([change["a"][0], change["b"][0]], [-3, -4], rtol=1e-6)


def test_accumulated_gradients_make_one_update():
    """Two half batches must give the update of the whole one. Fails for a sum instead of a mean."""
    config = OptimizerConfig(name="sgd", rate=1, schedule="constant", clip=0, accumulate=2)
    optimizer = make_optimizer(config, 10)
    params = {"a": jnp.zeros(1)}
    state = optimizer.init(params)
    first, state = updated(optimizer, {"a": jnp.array([2.0])}, state, params)
    second, state = updated(optimizer, {"a": jnp.array([4.0])}, state, params)
    assert (float(first["a"][0]), float(second["a"][0])) == (0, -3)


def test_rates_by_name():
    config = OptimizerConfig(
        name="sgd", rate=1, schedule="constant", clip=0, scales={"a": 0.5, "a.frozen": 0}
    )
    optimizer = make_optimizer(config, 10)
    params = {name: jnp.zeros(1) for name in ("a.x", "a.frozen.x", "b")}
    gradient = {name: jnp.ones(1) for name in params}
    change, _ = updated(optimizer, gradient, optimizer.init(params), params)
    assert {name: float(value[0]) for name, value in change.items()} == {
        "a.x": -0.5, "a.frozen.x": 0, "b": -1,
    }  # fmt: skip


def test_the_longest_prefix_decides_what_is_frozen():
    """Fails if a part of a frozen module cannot be trained, or the reverse."""
    config = OptimizerConfig(scales={"a": 0, "a.b": 1, "a.b.c": 0})
    params = {name: jnp.zeros(1) for name in ("a.x", "a.b.x", "a.b.c", "d")}
    trained, frozen = split_frozen(config, params)
    assert (sorted(trained), sorted(frozen)) == (["a.b.x", "d"], ["a.b.c", "a.x"])


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_schedules_rise_and_fall(schedule):
    config = OptimizerConfig(rate=2.0, schedule=schedule, warmup=0.1, final=0.05)
    rate = make_schedule(config, 100)
    rates = [float(np.asarray(rate(step))) for step in range(101)]
    assert rates[0] == 0
    assert rates[10] == pytest.approx(2)
    assert rates[100] == pytest.approx(0.1, rel=1e-3)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_constant_schedule():
    rate = make_schedule(OptimizerConfig(rate=2.0, schedule="constant"), 100)
    assert {float(np.asarray(rate(step))) for step in (0, 50, 100)} == {2.0}
