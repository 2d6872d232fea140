"""An experiment on trees: networks that learn the values of expressions."""

from collections.abc import Iterator
from typing import Literal, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float
from pydantic import PositiveInt, model_validator

from textrnn.config import Config
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.layers.trees.batch import (
    UNLABELLED,
    TreeBatch,
    TreeExample,
    TreeShape,
    collate_trees,
    tree_example,
)
from textrnn.layers.trees.cells import TREE_CELLS
from textrnn.layers.trees.classifier import TreeClassifier, node_loss
from textrnn.parameters import merge_model
from textrnn.text.tokenizer import SPECIALS
from training.experiments.bound import Bound
from training.experiments.expressions import NO_VALUE, TREE_TASKS, TreeTask
from training.experiments.gradient_descent import minimize
from training.optimizer import OptimizerConfig

_WIDTH = 64


class TreeCandidate(Bound):
    """A network, and the share of expressions whose value it has to find."""

    cell: str
    """One of `TREE_CELLS`."""
    hidden: PositiveInt = 32

    @property
    def kind(self) -> str:
        return self.cell

    @model_validator(mode="after")
    def _known_cell(self) -> Self:
        if self.cell not in TREE_CELLS:
            known = ", ".join(TREE_CELLS)
            raise ValueError(f"unknown cell {self.cell!r}; expected one of {known}")
        return self


class TreeExperiment(Config):
    """A task on trees, how networks are trained on it, and the networks."""

    data: Literal["trees"]
    tasks: tuple[str, ...]
    """Of `TREE_TASKS`; the networks are trained on each by itself."""
    depths: tuple[PositiveInt, PositiveInt]
    """The smallest and the largest depth of expressions that are trained on."""
    measured: tuple[PositiveInt, ...]
    """Depths that are measured; the worst one is the figure."""
    measured_rows: PositiveInt = 100
    """Expressions of each of these depths."""
    steps: PositiveInt = 1000
    rows: PositiveInt = 32
    optimizer: OptimizerConfig = OptimizerConfig()
    seed: int = 0
    networks: tuple[TreeCandidate, ...]

    @model_validator(mode="after")
    def _known_tasks(self) -> Self:
        for task in self.tasks:
            if task not in TREE_TASKS:
                known = ", ".join(TREE_TASKS)
                raise ValueError(f"unknown task {task!r}; expected one of {known}")
        return self


def run_tree_experiment(
    experiment: TreeExperiment,
) -> Iterator[tuple[str, TreeCandidate, float]]:
    """Each task and network with its figure: the share of expressions whose value is right."""
    for name in experiment.tasks:
        for network in experiment.networks:
            yield name, network, _figure(experiment, TREE_TASKS[name], network)


def _figure(experiment: TreeExperiment, task: TreeTask, network: TreeCandidate) -> float:
    random, rngs = np.random.default_rng(experiment.seed), nnx.Rngs(experiment.seed)
    vocabulary, hidden = len(SPECIALS) + len(task.words), network.hidden
    embedding = Embedding(EmbeddingConfig(size=hidden), vocabulary, rngs=rngs)
    cell = TREE_CELLS[network.cell](hidden, hidden, rngs=rngs)
    model = TreeClassifier(embedding, cell, task.values, rngs=rngs)
    batches = (_drawn(experiment, task, random) for _ in range(experiment.steps))
    graph, params = minimize(model, experiment.optimizer, _loss, batches, experiment.steps)
    measure = jax.jit(lambda params, batch: _share_right(merge_model(graph, params), batch))
    figures = []
    for depth in experiment.measured:
        trees = [_example(task, random, depth) for _ in range(experiment.measured_rows)]
        leaves = sum(len(tree.words) for tree in trees)
        batch = collate_trees(trees, TreeShape(leaves, task.height(depth), _WIDTH))
        figures.append(float(measure(params, batch)))
    return min(figures)


def _drawn(experiment: TreeExperiment, task: TreeTask, random: np.random.Generator) -> TreeBatch:
    smallest, largest = experiment.depths
    depths = random.integers(smallest, largest, size=experiment.rows, endpoint=True)
    trees = [_example(task, random, int(depth)) for depth in depths]
    leaves = experiment.rows * task.most_leaves(largest)
    return collate_trees(trees, TreeShape(leaves, task.height(largest), _WIDTH))


def _example(task: TreeTask, random: np.random.Generator, depth: int) -> TreeExample:
    ids = {word: number for number, word in enumerate(task.words, len(SPECIALS))}
    labels = {str(value): value for value in range(task.values)} | {NO_VALUE: UNLABELLED}
    return tree_example(task.make(random, depth), ids.__getitem__, labels.__getitem__)


def _loss(model: TreeClassifier, batch: TreeBatch) -> Float[Array, ""]:
    return node_loss(model(batch), batch)


def _share_right(model: TreeClassifier, batch: TreeBatch) -> Float[Array, ""]:
    roots = jnp.asarray(batch.roots)
    return (model(batch).argmax(axis=-1)[roots] == jnp.asarray(batch.labels)[roots]).mean()
