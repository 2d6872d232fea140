"""Train the networks of an experiment and measure them."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float

from textrnn.layers.encoder import Encoder, EncoderConfig
from textrnn.layers.linear import Linear
from textrnn.parameters import Params, merge_model, split_model
from training.experiments.experiment import Candidate, Experiment
from training.experiments.ridge import fit_readout
from training.experiments.scores import sequence_figure, sequence_loss
from training.experiments.sequences import SequenceBatch, SequenceTask, batch_of
from training.experiments.tasks import SEQUENCE_TASKS
from training.optimizer import make_optimizer, split_frozen, with_fixed


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


def run_experiment(experiment: Experiment) -> Iterator[tuple[str, Candidate, float]]:
    """Each task and network with its figure; see `Experiment.figure`."""
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
        graph, params = _trained(experiment, task, model, random)

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


def _trained(
    experiment: Experiment, task: SequenceTask, model: SequenceNetwork, random: np.random.Generator
) -> tuple[nnx.GraphDef, Params]:
    config = with_fixed(experiment.optimizer, model)
    optimizer = make_optimizer(config, experiment.steps)
    graph, params = split_model(model)
    trained, frozen = split_frozen(config, params)

    def loss(trained: Params, batch: SequenceBatch) -> Array:
        return sequence_loss(task, merge_model(graph, trained | frozen)(batch), batch)

    @jax.jit
    def update(trained: Any, state: Any, batch: SequenceBatch) -> tuple[Any, Any]:
        change, state = optimizer.update(jax.grad(loss)(trained, batch), state, trained)
        return optax.apply_updates(trained, change), state

    state: Any = optimizer.init(trained)
    for step in range(experiment.steps):
        batch = _drawn(experiment, task, random, experiment.largest(step))
        trained, state = update(trained, state, batch)
    return graph, trained | frozen


def _drawn(
    experiment: Experiment, task: SequenceTask, random: np.random.Generator, largest: int
) -> SequenceBatch:
    sizes = random.integers(experiment.sizes[0], largest, size=experiment.rows, endpoint=True)
    series = [task.make(random, int(size)) for size in sizes]
    return batch_of(series, experiment.rows * task.longest(experiment.sizes[1]))
