"""The values of expressions, and networks on trees that learn them."""

import re

import numpy as np
import pytest

from textrnn.errors import UserError
from training.experiments.expressions import TREE_TASKS
from training.experiments.tree_experiment import TreeExperiment, run_tree_experiment

SETTINGS = {
    "data": "trees", "tasks": ["boolean"], "depths": [1, 3], "measured": [5], "rows": 16,
    "steps": 200, "optimizer": {"rate": 2e-2, "schedule": "cosine"},
}  # fmt: skip


def operation(tree):
    """The parts of an expression that is not a value."""
    (_, (left, operator)), right = tree.children
    return left, operator, right


def depth(tree):
    if len(tree.children) == 1:
        return 0
    left, _, right = operation(tree)
    return 1 + max(depth(left), depth(right))


def written(tree):
    """An expression as Python writes it."""
    if len(tree.children) == 1:
        return tree.label
    left, operator, right = operation(tree)
    python = {"and": "&", "or": "|", "xor": "^"}.get(operator, operator)
    return f"({written(left)} {python} {written(right)})"


@pytest.mark.parametrize("name", TREE_TASKS)
def test_labels_are_the_values_of_expressions(name):
    task, random = TREE_TASKS[name], np.random.default_rng(0)
    for size in (0, 1, 2, 5):
        for _ in range(20):
            tree = task.make(random, size)
            assert depth(tree) == size
            assert len(tree.words()) <= task.most_leaves(size)
            assert {*tree.words()} <= {*task.words}
            for part in tree.subtrees():
                if part.label:
                    assert int(part.label) == eval(written(part)) % task.values


@pytest.mark.parametrize("cell", ["recursive", "tree_lstm"])
@pytest.mark.slow
def test_networks_learn_beyond_the_depth_of_training(cell):
    network = {"cell": cell, "hidden": 24, "at_least": 0.9, "published": "here"}
    experiment = TreeExperiment.parse({**SETTINGS, "networks": [network]}, source="here")
    ((task, candidate, figure),) = run_tree_experiment(experiment)
    assert (task, candidate.kind) == ("boolean", cell)
    assert candidate.holds(figure), figure


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": ["juggling"]}, "unknown task 'juggling'; expected one of boolean"),
        ({"networks": [{"cell": "lstm", "at_least": 1, "published": "x"}]}, "unknown cell 'lstm'"),
        ({"networks": [{"cell": "recursive", "published": "x"}]}, "expected at_most or at_least"),
        ({"depths": [0, 3]}, "depths"),
    ],
)
def test_a_mistake_in_a_recipe_of_trees(change, message):
    network = {"cell": "recursive", "at_least": 1, "published": "x"}
    settings = {**SETTINGS, "networks": [network], **change}
    with pytest.raises(UserError, match=re.escape(message)):
        TreeExperiment.parse(settings, source="here")
