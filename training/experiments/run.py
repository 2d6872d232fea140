"""Train the networks of an experiment and measure them."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import Linear
from textrnn.parameters import Params, merge_model, split_model
from training.experiments.experiment import Candidate, Experiment
from training.experiments.gradient_descent import minimize
from training.experiments.ridge import fit_readout
from training.experiments.scores import sequence_figure, sequence_loss
from training.experiments.sequences import SequenceBatch, SequenceTask, batch_of
from training.experiments.tasks import SEQUENCE_TASKS
from training.experiments.tree_experiment import (
    TreeCandidate,
    TreeExperiment,
    run_tree_experiment,
)


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


def run_experiment(
    experiment: Experiment | TreeExperiment,
) -> Iterator[tuple[str, Candidate | TreeCandidate, float]]:
    """Each task and network with its figure: see `Experiment.figure`, and of trees the share whose
    value is right."""
    if isinstance(experiment, TreeExperiment):
        yield from run_tree_experiment(experiment)
        return
    for name in experiment.tasks:
        for network in experiment.networks:
            yield name, network, _figure(experiment, SEQUENCE_TASKS[name], network)


def _figure(experiment: Experiment, task: SequenceTask, network: Candidate) -> float:
    random = np.random.default_rng(experiment.seed)
    model = SequenceNetwork(network, task, rngs=nnx.Rngs(experiment.seed))
    if experiment.readout == "ridge":
        batch = _drawn(experiment, task, random, experiment.sizes[1])
        fit_readout(model.output, model.states(batch), batch, experiment.ridge)
        graph, params = split_model(model)
    else:
        batches = (
            _drawn(experiment, task, random, experiment.largest(step))
            for step in range(experiment.steps)
        )
        graph, params = minimize(
            model,
            experiment.optimizer,
            lambda model, batch: sequence_loss(task, model(batch), batch),
            batches,
            experiment.steps,
        )

    @jax.jit
    def measure(params: Params, batch: SequenceBatch) -> Array:
        outputs = merge_model(graph, params)(batch)
        return sequence_figure(task, experiment.figure, outputs, batch)

    tokens = experiment.measured_rows * task.longest(max(experiment.measured))
    figures = []
    for size in experiment.measured:
        series = [task.make(random, size) for _ in range(experiment.measured_rows)]
        figures.append(float(measure(params, batch_of(series, tokens))))
    if task.kind == "numbers":
        return max(figures)
    return min(figures) if experiment.figure == "sequences" else float(np.mean(figures))


def _drawn(
    experiment: Experiment, task: SequenceTask, random: np.random.Generator, largest: int
) -> SequenceBatch:
    sizes = random.integers(experiment.sizes[0], largest, size=experiment.rows, endpoint=True)
    series = [task.make(random, int(size)) for size in sizes]
    return batch_of(series, experiment.rows * task.longest(experiment.sizes[1]))
