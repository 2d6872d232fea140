"""An experiment: networks that learn a task on made-up sequences, and what they have to reach."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from textrnn.config import Config, read_toml
from textrnn.layers.cells.choice import CellChoice
from training.experiments.bound import Bound
from training.experiments.scores import Figure
from training.experiments.tasks import SEQUENCE_TASKS
from training.experiments.tree_experiment import TreeExperiment
from training.optimizer import OptimizerConfig

EXPERIMENTS = Path(__file__).parent / "recipes"


class Candidate(Bound):
    """A network, and the bound of its figure."""

    cell: CellChoice
    layers: PositiveInt = 1
    hidden: PositiveInt = 32

    @property
    def kind(self) -> str:
        return self.cell.kind


class Experiment(Config):
    """A task, how networks are trained on it, and the networks."""

    tasks: tuple[str, ...]
    """Of `SEQUENCE_TASKS`; the networks are trained on each by itself."""
    sizes: tuple[PositiveInt, PositiveInt]
    """The smallest and the largest size of sequences that are trained on."""
    growth: float = Field(default=0.0, ge=0, le=1)
    """Share of the updates during which the largest size rises evenly from the smallest one."""
    measured: tuple[PositiveInt, ...]
    """Sizes that are measured."""
    figure: Figure = "sequences"
    """What is measured of classes and bits: the share of right sequences at the worst size, or that
    of right steps as a mean over the sizes. Of numbers it is the error at the worst size."""
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

    def largest(self, step: int) -> int:
        """The largest size that is trained on in an update, of which `step` went before."""
        smallest, largest = self.sizes
        grown = self.growth * self.steps
        if step >= grown:
            return largest
        return smallest + round((largest - smallest) * step / grown)


def load_experiments(names: list[str]) -> dict[str, Experiment | TreeExperiment]:
    """The experiments of these names, or all of them. Raises UserError for a faulty file."""
    paths = {path.stem: path for path in sorted(EXPERIMENTS.glob("*.toml"))}
    experiments: dict[str, Experiment | TreeExperiment] = {}
    for name in names or paths:
        data = read_toml(paths.get(name, Path(name)))
        kind = TreeExperiment if data.get("data") == "trees" else Experiment
        experiments[name] = kind.parse(data, source=name)
    return experiments
