"""The settings that the trials of a sweep differ in."""

import pytest

from textrnn.config import override
from textrnn.errors import UserError
from training.sweep.picture import draw_parallel_coordinates
from training.sweep.space import OneOf, Range, assignments, parse_space


def test_settings_with_several_values_are_dimensions():
    """Fails if words need quotes, if a list of lists is flattened, or another setting is lost."""
    space, fixed = parse_space(
        [
            "train.epochs=3",
            "model.encoder.cell=[lstm, indrnn]",
            'train.lengths=[[16, 32], [64]]',
            "train.ema=[0.0, 0.9]",
            'model.cell=["gru", {kind = "stack", depth = 8}]',
            "model.fast=[true, false]",
            "train.optimizer.rate=log(1e-4, 1e-2)",
            "model.dropout=uniform(0, 0.5)",
            "model.encoder.hidden=integer(8, 64)",
        ]
    )  # fmt: skip
    assert fixed == ["train.epochs=3"]
    assert space == {
        "model.encoder.cell": OneOf(("lstm", "indrnn")),
        "train.lengths": OneOf(([16, 32], [64])),
        "train.ema": OneOf((0.0, 0.9)),
        "model.cell": OneOf(("gru", {"kind": "stack", "depth": 8})),
        "model.fast": OneOf((True, False)),
        "train.optimizer.rate": Range("log", 1e-4, 1e-2),
        "model.dropout": Range("uniform", 0, 0.5),
        "model.encoder.hidden": Range("integer", 8, 64),
    }


def test_values_become_assignments():
    """Fails if a value is not what a recipe reads from its assignment."""
    values = {"a": 'x "y"', "b": 1e-7, "c": 3, "d": True, "e": [[1, 2], []], "f": {"kind": "lstm"}}
    assert override({}, assignments(values)) == values


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("train.epochs=3", "needs a setting with several values"),
        ("a=[1]", "expected two values or more"),
        ("a=[1, 2", "expected a list of TOML values"),
        ("a=log(0, 1)", "smaller than the second, and above 0"),
        ("a=uniform(2, 1)", "smaller than the second"),
        ("a=integer(1, 2.5)", r"expected two numbers, as in integer\(1, 10\)"),
    ],
)
def test_faulty_settings(setting, message):
    with pytest.raises(UserError, match=message):
        parse_space([setting])


@pytest.mark.parametrize("results", [[0.5], [0.1, 0.1], [0.2, 0.4, 0.9]])
def test_a_picture_of_few_or_equal_trials(results, tmp_path):
    """Fails if it divides by a span of zero."""
    space = {"cell": OneOf(("a", "b")), "rate": Range("log", 1e-4, 1.0)}
    trials = [({"cell": "b", "rate": 0.01}, value) for value in results]
    draw_parallel_coordinates(space, trials, tmp_path / "trials.png")
    assert (tmp_path / "trials.png").read_bytes().startswith(b"\x89PNG")
