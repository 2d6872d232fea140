"""Networks that learn tasks on made-up sequences."""

import re

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from textrnn.errors import UserError
from textrnn.layers.linear import Linear
from training.experiments.context_sensitive import CONTEXT_SENSITIVE
from training.experiments.experiment import (
    EXPERIMENTS,
    Experiment,
    load_experiments,
)
from training.experiments.expressions import TREE_TASKS
from training.experiments.regular import parity
from training.experiments.ridge import fit_readout
from training.experiments.run import run_experiment
from training.experiments.scores import sequence_figure
from training.experiments.sequences import SequenceTask, Series, batch_of
from training.experiments.tasks import SEQUENCE_TASKS


def test_a_readout_by_ridge_regression():
    """Fails if it is not the minimum, if the bias is penalised, or if unasked outputs count."""
    random = np.random.default_rng(0)
    h, kernel = random.normal(size=(40, 3)), np.array([[1.0], [-2.0], [0.5]])
    y = h @ kernel + 7
    y[:10] = 100
    output = Linear(3, 1, rngs=nnx.Rngs(0))
    batch = batch_of([Series(h, y, np.arange(40) >= 10)], 40)
    fit_readout(output, np.asarray(h, "f"), batch, ridge=1e-8)
    np.testing.assert_allclose(output.kernel[...], kernel, atol=1e-4)
    np.testing.assert_allclose(output.bias[...], [7], atol=1e-4)
    fit_readout(output, np.asarray(h, "f"), batch, ridge=1e8)
    np.testing.assert_allclose(output.kernel[...], 0, atol=1e-4)
    np.testing.assert_allclose(output.bias[...], y[10:].mean(), atol=1e-3)


SMALL = {"sizes": [1, 8], "measured": [16], "rows": 16}


STACK = {"kind": "stack", "depth": 20, "width": 2, "recurrent": False}


@pytest.mark.parametrize(
    ("task", "cell", "changes"),
    [
        ("parity", "elman", {"steps": 800}),
        ("tomita4", "second_order", {"steps": 300}),
        ("flip_flop", "lstm", {"sizes": [2, 16], "steps": 300}),
        ("cycle_navigation", "second_order", {"steps": 500}),
        ("reverse_string", STACK, {"steps": 400, "growth": 0.8, "figure": "tokens"}),
        ("dyck", STACK | {"read": 2}, {"steps": 400, "growth": 0.8, "figure": "tokens"}),
        ("long_gap", {"kind": "clockwork", "periods": [1, 4, 16]}, {"steps": 200}),
    ],
)
@pytest.mark.slow
def test_networks_learn_beyond_the_length_of_training(task, cell, changes):
    network = {"cell": cell, "hidden": 12, "at_least": 0.9, "published": "here"}
    optimizer = {"rate": 2e-2, "schedule": "cosine"}
    settings = {**SMALL, "tasks": [task], "optimizer": optimizer, "networks": [network], **changes}
    ((_, candidate, figure),) = run_experiment(Experiment.parse(settings, source="here"))
    assert candidate.holds(figure), figure


@pytest.mark.slow
def test_independent_units_add_what_is_far_apart():
    """Answering 1 has an error of 0.41."""
    cell = {"kind": "indrnn", "slowest": 40}
    network = {"cell": cell, "layers": 2, "at_most": 0.15, "published": "here"}
    optimizer = {"rate": 1e-2, "schedule": "cosine"}
    settings = {"sizes": [10, 40], "measured": [40], "steps": 400, "optimizer": optimizer}
    settings = {**settings, "tasks": ["adding"], "networks": [network]}
    ((_, candidate, figure),) = run_experiment(Experiment.parse(settings, source="here"))
    assert candidate.holds(figure), figure


def test_sizes_grow_from_the_smallest_to_the_largest():
    network = {"cell": "lstm", "at_least": 1, "published": "x"}
    settings = {**SMALL, "tasks": ["parity"], "networks": [network], "steps": 100}
    growing = Experiment.parse({**settings, "growth": 0.5}, source="here")
    assert [growing.largest(step) for step in (0, 25, 49, 50, 99)] == [1, 5, 8, 8, 8]
    assert Experiment.parse(settings, source="here").largest(0) == 8


def test_shares_of_right_answers():
    """Fails if a step that does not count is counted, or if a step is right in some bits alone."""
    series = [
        Series(np.zeros((2, 1)), np.array([[0, 1], [1, 1]]), np.array([i, 1])) for i in (1, 0)
    ]
    batch = batch_of(series, 6)
    bits = SequenceTask(1, 2, "bits", lambda length: length, parity)
    outputs = jnp.array([[-1, 1], [2, -1], [1, 1], [2, 3], [0, 0], [0, 0.0]])
    assert float(sequence_figure(bits, "tokens", outputs, batch)) == pytest.approx(2 / 3)
    assert float(sequence_figure(bits, "sequences", outputs, batch)) == pytest.approx(1 / 2)
    classes = bits._replace(kind="classes")
    batch = batch._replace(y=np.array([1, 0, 0, 0, 0, 0]))
    assert float(sequence_figure(classes, "tokens", outputs, batch)) == pytest.approx(2 / 3)
    assert float(sequence_figure(classes, "sequences", outputs, batch)) == pytest.approx(1 / 2)


def test_a_reservoir_continues_mackey_glass():
    experiments = load_experiments(["mackey_glass"])
    ((_, _, figure),) = run_experiment(experiments["mackey_glass"])
    assert figure < 0.004


WITHOUT_FIGURE = {
    "modular_arithmetic",
    "solve_equation",
    *(CONTEXT_SENSITIVE.keys() - {"bucket_sort"}),
}
"""Tasks that no network of a recipe learns yet."""


def test_every_recipe_is_valid_and_says_what_was_published():
    experiments = load_experiments([])
    assert len(experiments) == len(list(EXPERIMENTS.glob("*.toml")))
    tasks = [task for experiment in experiments.values() for task in experiment.tasks]
    assert sorted(tasks) == sorted({*SEQUENCE_TASKS, *TREE_TASKS} - WITHOUT_FIGURE)
    for experiment in experiments.values():
        assert all(re.search(r"\d{4}|documentation", n.published) for n in experiment.networks)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": ["juggling"]}, "unknown task 'juggling'; expected one of adding"),
        ({"networks": [{"cell": "lstm", "published": "x"}]}, "expected at_most or at_least"),
        ({"steps": 0}, "steps"),
    ],
)
def test_a_mistake_in_a_recipe(change, message):
    network = {"cell": "lstm", "at_least": 1, "published": "x"}
    settings = {**SMALL, "tasks": ["parity"], "networks": [network], **change}
    with pytest.raises(UserError, match=message):
        Experiment.parse(settings, source="here")
    with pytest.raises(UserError, match=r"nothing\.toml"):
        load_experiments(["nothing.toml"])
