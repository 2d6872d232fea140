"""An experiment: networks that learn a task on made-up sequences, and what they have to reach."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float
from pydantic import NonNegativeFloat, PositiveInt, model_validator

from textrnn.config import Config, read_toml
from textrnn.layers.cells.choice import CellChoice
from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import Linear
from textrnn.layers.losses import token_cross_entropy
from textrnn.layers.ragged import max_rows
from textrnn.parameters import Params, merge_model, split_model
from training.experiments.numbers import NUMBERS
from training.experiments.ridge import fit_readout
from training.experiments.sequences import SequenceBatch, SequenceTask, batch_of
from training.experiments.symbols import SYMBOLS
from training.optimizer import OptimizerConfig, make_optimizer, split_frozen, with_fixed

SEQUENCE_TASKS: dict[str, SequenceTask] = NUMBERS | SYMBOLS
EXPERIMENTS = Path(__file__).parent / "recipes"


class Candidate(Config):
    """A network, and the figure that it has to reach."""

    cell: CellChoice
    layers: PositiveInt = 1
    hidden: PositiveInt = 32
    at_most: float | None = None
    """Bound of an error."""
    at_least: float | None = None
    """Bound of a share of right answers."""
    published: str
    """The figure of the literature, and where it stands."""

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("expected at_most or at_least, and not both")
        return self

    def reached(self, figure: float) -> bool:
        """Whether the figure is within the bound."""
        if self.at_most is not None:
            return figure <= self.at_most
        return self.at_least is not None and figure >= self.at_least


class Experiment(Config):
    """A task, how networks are trained on it, and the networks."""

    tasks: tuple[str, ...]
    """Of `SEQUENCE_TASKS`; the networks are trained on each by itself."""
    sizes: tuple[PositiveInt, PositiveInt]
    """The smallest and the largest size of sequences that are trained on."""
    measured: tuple[PositiveInt, ...]
    """Sizes that are measured; the worst one is the figure."""
    measured_rows: PositiveInt = 100
    """Sequences of each of these sizes."""
    readout: Literal["gradient", "ridge"] = "gradient"
    """Train by gradient descent, or the output layer alone by ridge regression."""
    ridge: NonNegativeFloat = 1e-8
    steps: PositiveInt = 1000
    rows: PositiveInt = 32
    optimizer: OptimizerConfig = OptimizerConfig()
    seed: int = 0
    networks: tuple[Candidate, ...]

    @model_validator(mode="after")
    def _known_tasks(self) -> Self:
        for task in self.tasks:
            if task not in SEQUENCE_TASKS:
                known = ", ".join(SEQUENCE_TASKS)
                raise ValueError(f"unknown task {task!r}; expected one of {known}")
        return self


class SequenceNetwork(nnx.Module):
    """A unidirectional encoder of the inputs, and a linear layer."""

    def __init__(self, network: Candidate, task: SequenceTask, *, rngs: nnx.Rngs):
        config = EncoderConfig(
            cell=network.cell, layers=network.layers, hidden=network.hidden, bidirectional=False
        )
        self.encoder = Encoder(config, task.inputs, rngs=rngs)
        self.output = Linear(network.hidden, task.outputs, rngs=rngs)

    def __call__(self, batch: SequenceBatch) -> Float[Array, "tokens outputs"]:
        return self.output(self.states(batch))

    def states(self, batch: SequenceBatch) -> Float[Array, "tokens hidden"]:
        """The outputs of the encoder."""
        return self.encoder(jnp.asarray(batch.x), batch.lengths)[0]


def load_experiments(names: list[str]) -> dict[str, Experiment]:
    """The experiments of these names, or all of them. Raises UserError for a faulty file."""
    paths = {path.stem: path for path in sorted(EXPERIMENTS.glob("*.toml"))}
    return {
        name: Experiment.parse(read_toml(paths.get(name, Path(name))), source=name)
        for name in names or paths
    }


def run_experiment(experiment: Experiment) -> Iterator[tuple[str, Candidate, float]]:
    """Each task and network with its figure: the share of sequences that are wholly right, or for
    numbers the root of the mean squared error."""
    for name in experiment.tasks:
        for network in experiment.networks:
            yield name, network, _figure(experiment, SEQUENCE_TASKS[name], network)


def _figure(experiment: Experiment, task: SequenceTask, network: Candidate) -> float:
    random = np.random.default_rng(experiment.seed)
    model = SequenceNetwork(network, task, rngs=nnx.Rngs(experiment.seed))
    if experiment.readout == "ridge":
        batch = _drawn(experiment, task, random)
        fit_readout(model.output, model.states(batch), batch, experiment.ridge)
        graph, params = split_model(model)
    else:
        graph, params = _trained(experiment, task, model, random)
    measure = jax.jit(
        lambda params, batch: _measure(task, merge_model(graph, params)(batch), batch)
    )
    figures = []
    for size in experiment.measured:
        series = [task.make(random, size) for _ in range(experiment.measured_rows)]
        batch = batch_of(series, experiment.measured_rows * task.longest(size))
        figures.append(float(measure(params, batch)))
    return min(figures) if task.classes else max(figures)


def _trained(
    experiment: Experiment, task: SequenceTask, model: SequenceNetwork, random: np.random.Generator
) -> tuple[nnx.GraphDef, Params]:
    config = with_fixed(experiment.optimizer, model)
    optimizer = make_optimizer(config, experiment.steps)
    graph, params = split_model(model)
    trained, frozen = split_frozen(config, params)

    def loss(trained: Params, batch: SequenceBatch) -> Array:
        return _loss(task, merge_model(graph, trained | frozen)(batch), batch)

    @jax.jit
    def update(trained: Any, state: Any, batch: SequenceBatch) -> tuple[Any, Any]:
        change, state = optimizer.update(jax.grad(loss)(trained, batch), state, trained)
        return optax.apply_updates(trained, change), state

    state: Any = optimizer.init(trained)
    for _ in range(experiment.steps):
        trained, state = update(trained, state, _drawn(experiment, task, random))
    return graph, trained | frozen


def _drawn(
    experiment: Experiment, task: SequenceTask, random: np.random.Generator
) -> SequenceBatch:
    smallest, largest = experiment.sizes
    sizes = random.integers(smallest, largest, size=experiment.rows, endpoint=True)
    series = [task.make(random, int(size)) for size in sizes]
    return batch_of(series, experiment.rows * task.longest(largest))


def _loss(task: SequenceTask, outputs: Array, batch: SequenceBatch) -> Float[Array, ""]:
    if task.classes:
        losses = token_cross_entropy(outputs, jnp.asarray(batch.y))
    else:
        losses = ((outputs - batch.y) ** 2).mean(axis=-1)
    return (losses * batch.mask).sum() / batch.mask.sum()


def _measure(task: SequenceTask, outputs: Array, batch: SequenceBatch) -> Float[Array, ""]:
    """The share of sequences in which all is right, or the root of the mean squared error."""
    if not task.classes:
        return jnp.sqrt(_loss(task, outputs, batch))
    wrong = (outputs.argmax(axis=-1) != batch.y) & (batch.mask > 0)
    return 1 - max_rows(wrong[:, None].astype(jnp.float32), batch.lengths, 0.0).mean()
