"""Tasks on made-up sequences, and networks that learn them."""

import itertools
import re

import numpy as np
import pytest
from flax import nnx

from textrnn.errors import UserError
from textrnn.layers.linear import Linear
from training.experiments.experiment import (
    EXPERIMENTS,
    SEQUENCE_TASKS,
    Experiment,
    load_experiments,
    run_experiment,
)
from training.experiments.numbers import adding, mackey_glass
from training.experiments.ridge import fit_readout
from training.experiments.sequences import Series, batch_of
from training.experiments.symbols import copying, counted, dyck, flip_flop, tomita


def drawn(make, size=12, count=60):
    random = np.random.default_rng(0)
    return [make(random, size) for _ in range(count)]


@pytest.mark.parametrize("name", SEQUENCE_TASKS)
def test_sequences_have_the_shapes_that_the_task_says(name):
    task, random = SEQUENCE_TASKS[name], np.random.default_rng(0)
    series = [task.make(random, size) for size in (2, 5, 9)]
    for size, each in zip((2, 5, 9), series, strict=True):
        assert each.x.shape == (len(each.y), task.inputs)
        assert len(each.x) == len(each.mask) <= task.longest(size)
        assert each.y.shape[1:] == (() if task.classes else (task.outputs,))
        assert not task.classes or set(each.y) <= set(range(task.outputs))
    batch = batch_of(series, 100)
    assert batch.lengths.tolist() == [len(each.x) for each in series]
    start = batch.lengths[0]
    np.testing.assert_allclose(batch.x[start : start + batch.lengths[1]], series[1].x, rtol=1e-6)
    assert not batch.mask[batch.lengths.sum() :].any()


def test_the_sum_of_the_marked_numbers():
    for series in drawn(adding):
        values, marks = series.x.T
        assert marks.sum() == 2
        assert marks[:6].sum() == 1
        assert series.y[-1, 0] == pytest.approx((values * marks).sum())
        assert series.mask.tolist() == [False] * 11 + [True]


def test_mackey_glass_obeys_its_equation():
    """By central differences of a fine series. Fails on a wrong delay or coefficient."""
    (series,) = drawn(mackey_glass, 1000, 1)
    x = series.x[:, 0]
    np.testing.assert_array_equal(series.x[1:], series.y[:-1])
    slope = (x[18:-1] - x[16:-3])[1:] / 2
    delayed, now = x[1:-19], x[18:-2]
    expected = 0.2 * delayed / (1 + delayed**10) - 0.1 * now
    assert np.corrcoef(slope, expected)[0, 1] > 0.99
    assert 0.2 < x.min() < 0.5 < 1.1 < x.max() < 1.5


def test_the_languages_of_tomita():
    """Every string of up to 8 symbols. Fails if a definition accepts another language."""
    expected = {
        1: lambda s: "0" not in s,
        2: lambda s: s == "10" * (len(s) // 2),
        3: lambda s: all(
            len(ones) % 2 == 0 or len(zeros) % 2 == 0
            for ones, zeros in re.findall(r"(?<!1)(1+)(0+)(?!0)", s)
        ),
        4: lambda s: "000" not in s,
        5: lambda s: s.count("0") % 2 == 0 and s.count("1") % 2 == 0,
        6: lambda s: (s.count("0") - s.count("1")) % 3 == 0,
        7: lambda s: len([bit for bit, _ in itertools.groupby(s)]) <= (4 if s[0] == "0" else 3),
    }
    for grammar, accepts in expected.items():
        labels = []
        for series in drawn(tomita(grammar), 15):
            text = "".join(str(bit) for bit in series.x.argmax(axis=1))
            assert series.y.tolist() == [accepts(text[: end + 1]) for end in range(len(text))]
            labels += series.y.tolist()
        assert 0.05 < np.mean(labels) < 0.95, "both answers occur"


def test_after_the_first_b_everything_is_known():
    (series,) = drawn(counted, 3, 1)
    assert series.x.argmax(axis=1).tolist() == [0, 0, 0, 1, 1, 1]
    assert series.y[series.mask].tolist() == [1, 1, 2]


def test_brackets_close_in_the_order_of_a_stack():
    for series in drawn(dyck):
        text = "".join("([)]"[kind] for kind in series.x.argmax(axis=1))
        for end, kind in enumerate(series.y):
            rest = text[: end + 1]
            while (shorter := rest.replace("()", "").replace("[]", "")) != rest:
                rest = shorter
            assert kind == (1 + "([".index(rest[-1]) if rest else 0)
        assert series.y[-1] == 0


def test_a_read_gives_the_bit_written_last():
    for series in drawn(flip_flop):
        stored = None
        for x, y, counts in zip(series.x, series.y, series.mask, strict=True):
            instruction, bit = x[:3].argmax(), x[3:].argmax()
            if instruction == 0:
                stored = bit
            if counts:
                assert (instruction, y) == (2, stored)
                assert bit == 0


def test_a_copy_follows_the_mark():
    for series in drawn(copying, 4, 3):
        np.testing.assert_array_equal(series.x[:4, :8], series.y[5:])
        assert series.x[4].tolist() == [0] * 8 + [1]
        assert not series.x[5:].any()
        assert series.mask.tolist() == [False] * 5 + [True] * 4


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


@pytest.mark.parametrize(
    ("task", "cell", "changes"),
    [
        ("parity", "elman", {"steps": 800}),
        ("tomita4", "second_order", {"steps": 300}),
        ("flip_flop", "lstm", {"sizes": [2, 16], "steps": 300}),
    ],
)
@pytest.mark.slow
def test_networks_learn_beyond_the_length_of_training(task, cell, changes):
    network = {"cell": cell, "hidden": 12, "at_least": 0.9, "published": "here"}
    optimizer = {"rate": 2e-2, "schedule": "cosine"}
    settings = {**SMALL, "tasks": [task], "optimizer": optimizer, "networks": [network], **changes}
    ((_, candidate, figure),) = run_experiment(Experiment.parse(settings, source="here"))
    assert candidate.reached(figure), figure


def test_a_reservoir_continues_mackey_glass():
    experiments = load_experiments(["mackey_glass"])
    ((_, _, figure),) = run_experiment(experiments["mackey_glass"])
    assert figure < 0.004


def test_every_recipe_is_valid_and_says_what_was_published():
    experiments = load_experiments([])
    assert len(experiments) == len(list(EXPERIMENTS.glob("*.toml")))
    tasks = [task for experiment in experiments.values() for task in experiment.tasks]
    assert sorted(tasks) == sorted({*SEQUENCE_TASKS} - {"adding", "copying", "dyck"})
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
