"""Run the trials of a sweep on Ray Tune, on a cluster or on this machine."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search import BasicVariantGenerator
from ray.tune.search.optuna import OptunaSearch

from textrnn.config import Config, read_toml
from textrnn.errors import UserError
from textrnn.io.files import write_atomically
from training.job import run
from training.recipe import find_recipe, load_recipe
from training.sweep.picture import draw_parallel_coordinates
from training.sweep.space import Dimension, OneOf, assignments, parse_space
from training.train import Evaluation
from training.workers import connect

Search = Literal["grid", "random", "bayesian"]
FIRST_RUNG = 10
"""Percent of its training that a trial has before it may be stopped."""
REDUCTION = 3
"""One of so many trials goes on from a rung to the next, which has so many times the training."""


class Sweep(Config):
    """What a sweep was begun with."""

    recipe: str
    settings: tuple[str, ...]
    search: Search
    trials: int
    seed: int


@dataclass(frozen=True)
class Trial:
    directory: Path
    values: dict[str, Any]
    state: Literal["finished", "stopped", "failed"]
    best: float | None
    """The best value of the metric, signed so that more is better."""
    error: str = ""


def run_sweep(sweep: Sweep, directory: Path, resume: bool) -> list[Trial]:
    """Run all trials, or go on with them, and write what the package says. The best trial is the
    first. Raises UserError if the sweep cannot be begun, or if all trials fail."""
    space, fixed = parse_space(sweep.settings)
    _check(sweep, space, fixed)
    _claim(sweep, directory, resume)
    connect(show_logs=False)
    gpus = 1 if ray.cluster_resources().get("GPU", 0) else 0
    trainable = tune.with_resources(
        tune.with_parameters(
            _train,
            recipe=str(find_recipe(sweep.recipe).absolute()),
            fixed=fixed,
            directory=directory.absolute(),
        ),
        {"CPU": 1, "GPU": gpus},
    )
    state = directory.absolute() / "tune"
    if resume and tune.Tuner.can_restore(str(state)):
        tuner = tune.Tuner.restore(str(state), trainable, restart_errored=True)
    else:
        tuner = tune.Tuner(
            trainable,
            param_space=_domains(space, sweep.search),
            tune_config=tune.TuneConfig(
                metric="value",
                mode="max",
                num_samples=1 if sweep.search == "grid" else sweep.trials,
                search_alg=_search(sweep),
                trial_dirname_creator=lambda trial: trial.trial_id,
                scheduler=ASHAScheduler(
                    time_attr="percent",
                    max_t=101,  # so that none is stopped before it has exported its model
                    grace_period=FIRST_RUNG,
                    reduction_factor=REDUCTION,
                ),
            ),
            run_config=tune.RunConfig(
                name="tune", storage_path=str(directory.absolute()), verbose=0
            ),
        )
    results = tuner.fit()
    trials = [_trial(result, directory) for result in results]
    trials.sort(key=_rank, reverse=True)
    _write(trials, space, directory)
    return trials


def _check(sweep: Sweep, space: dict[str, Dimension], fixed: list[str]) -> None:
    """Raises UserError for values that no recipe can have, and a grid over numbers."""
    first = {key: dimension.extremes[0] for key, dimension in space.items()}
    for key, dimension in space.items():
        if sweep.search == "grid" and not isinstance(dimension, OneOf):
            raise UserError(f"{key}: a grid needs a list of values; or use --search random")
        for value in dimension.extremes:
            load_recipe(sweep.recipe, [*fixed, *assignments(first | {key: value})])


def _claim(sweep: Sweep, directory: Path, resume: bool) -> None:
    """Raises UserError if another sweep uses the directory."""
    path = directory / "sweep.toml"
    if path.exists():
        if not resume:
            raise UserError(
                f"{directory}: contains a sweep; continue it with --resume or choose another "
                "--output"
            )
        if Sweep.parse(read_toml(path), source=str(path)) != sweep:
            raise UserError(f"{path}: differs from this sweep; resume with the same arguments")
    directory.mkdir(parents=True, exist_ok=True)
    write_atomically(path, sweep.to_toml())


def _domains(space: dict[str, Dimension], search: Search) -> dict[str, Any]:
    """The dimensions as Ray Tune takes them."""

    def domain(dimension: Dimension) -> Any:
        if isinstance(dimension, OneOf):
            values = list(dimension.values)
            return tune.grid_search(values) if search == "grid" else tune.choice(values)
        low, high = dimension.low, dimension.high
        if dimension.kind == "integer":
            return tune.randint(int(low), int(high) + 1)
        return tune.loguniform(low, high) if dimension.kind == "log" else tune.uniform(low, high)

    return {key: domain(dimension) for key, dimension in space.items()}


def _search(sweep: Sweep) -> Any:
    if sweep.search == "bayesian":
        return OptunaSearch(metric="value", mode="max", seed=sweep.seed)
    return BasicVariantGenerator(random_state=sweep.seed)


def _train(values: dict[str, Any], recipe: str, fixed: list[str], directory: Path) -> None:
    """A trial, in a process of its own."""
    number = _number(tune.get_context().get_trial_id())
    chosen = load_recipe(recipe, [*fixed, *assignments(values)])

    def report(evaluation: Evaluation) -> None:
        tune.report(
            {
                "value": evaluation.value,
                "percent": round(100 * evaluation.step / evaluation.steps),
                **evaluation.metrics,
            }
        )

    run(chosen, directory / "trials" / number, resume=True, evaluated=report)


def _trial(result: Any, directory: Path) -> Trial:
    run_directory = directory / "trials" / _number(Path(result.path).name)
    reports = result.metrics_dataframe
    best = None if reports is None or reports.empty else float(reports["value"].max())
    if result.error is not None:
        cause = getattr(result.error, "cause", None) or result.error
        return Trial(run_directory, result.config, "failed", best, " ".join(str(cause).split()))
    finished = (run_directory / "bundle" / "bundle.json").exists()
    return Trial(run_directory, result.config, "finished" if finished else "stopped", best)


def _rank(trial: Trial) -> tuple[bool, float]:
    """Failed trials are the last, however good they were."""
    return trial.state != "failed", -math.inf if trial.best is None else trial.best


def _number(trial_id: str) -> str:
    """00003 of a name such as a1b2c_00003."""
    return trial_id.rpartition("_")[2]


def _write(trials: list[Trial], space: dict[str, Dimension], directory: Path) -> None:
    """Raises UserError if all trials failed."""
    with (directory / "trials.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["trial", *space, "value", "state", "error"])
        for trial in trials:
            values = [trial.values[key] for key in space]
            rows.writerow([trial.directory.name, *values, trial.best, trial.state, trial.error])
    lines = [
        (trial.values, trial.best)
        for trial in reversed(trials)
        if trial.state != "failed" and trial.best is not None
    ]
    if not lines:
        raise UserError(f"all trials failed; the first one with: {trials[0].error}")
    draw_parallel_coordinates(space, lines, directory / "trials.png")
    best = (trials[0].directory / "recipe.toml").read_text()
    write_atomically(directory / "best.toml", best)
