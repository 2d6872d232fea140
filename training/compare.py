"""Comparison of training runs: what they differ in, and their best metrics over seeds."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from textrnn.config import read_toml
from textrnn.errors import UserError
from training.log import read_metrics

SEED = "train.seed"
PLACES = {"train.devices"}
"""Settings that say where a run was trained, and change nothing."""


@dataclass(frozen=True)
class RunSummary:
    directory: Path
    recipe: dict[str, Any]
    """Settings by dotted path, such as `train.optimizer.rate`."""
    steps: int
    finished: bool
    best: dict[str, float]
    """The best value of each development metric, such as `heldout.accuracy`."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of the packages that trained it; empty if it is not finished, as the next ones."""
    data: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of each file."""
    device: str = ""
    seconds: float = 0.0


def find_runs(root: Path) -> list[Path]:
    return sorted(path.parent for path in root.glob("**/recipe.toml"))


def summarise(directory: Path) -> RunSummary:
    """The summary of a run directory. Raises UserError if the directory holds no run."""
    from textrnn.tasks import METRICS  # imports JAX, which listing runs does not need

    path = directory / "recipe.toml"
    if not path.exists():
        raise UserError(f"{directory}: holds no run: there is no recipe.toml")
    entries = read_metrics(directory / "metrics.jsonl")
    best: dict[str, float] = {}
    for entry in entries:
        for name, value in entry.items():
            _, _, metric = name.rpartition(".")
            if "." in name and metric in METRICS:  # a log may be older than the metrics of today
                best[name] = METRICS[metric].best(value, best.get(name, value))
    bundle = directory / "bundle" / "bundle.json"
    training = json.loads(bundle.read_text())["training"] if bundle.exists() else {}
    return RunSummary(
        directory=directory,
        recipe=dict(_flatten(read_toml(path))),
        steps=int(max((entry["step"] for entry in entries), default=0)),
        finished=bundle.exists(),
        best=best,
        **({
            "versions": training["versions"], "data": training["fingerprints"],
            "device": training["device"], "seconds": training["seconds"],
        } if training else {}),
    )  # fmt: skip


def differences(runs: Sequence[RunSummary]) -> dict[str, list[Any]]:
    """The settings, versions of code and files of data that differ, with the value of each run.

    Code and data of a run that is not finished are not known, and differ from none.
    """
    settings = [
        {key: value for key, value in run.recipe.items() if key not in PLACES} for run in runs
    ]
    known = [
        {f"version of {name}": version for name, version in run.versions.items()}
        | {f"data {name}": digest[:12] for name, digest in run.data.items()}
        for run in runs
    ]
    keys = sorted({key for each in settings for key in each})
    values = {key: [each.get(key) for each in settings] for key in keys}
    differing = {key: row for key, row in values.items() if any(v != row[0] for v in row)}
    for key in dict.fromkeys(key for each in known for key in each):
        row = [each.get(key) for each in known]
        if len({value for value, each in zip(row, known, strict=True) if each}) > 1:
            differing[key] = row
    return differing


def by_seed(runs: Iterable[RunSummary]) -> list[list[RunSummary]]:
    """The runs in groups that differ in their seed alone."""
    groups: list[list[RunSummary]] = []
    for run in runs:
        for group in groups:
            if not differences([group[0], run]).keys() - {SEED}:
                group.append(run)
                break
        else:
            groups.append([run])
    return groups


def comparison(runs: Sequence[RunSummary]) -> list[list[str]]:
    """A table with a column for each group of runs that differ in their seed alone: what differs,
    and the mean of each best metric with half of its range."""
    groups = by_seed(runs)
    firsts = [group[0] for group in groups]
    rows = [["", *(", ".join(run.directory.name for run in group) for group in groups)]]
    differing = differences(firsts)
    if len(groups) < len(runs) or SEED in differing:
        seeds = [", ".join(str(run.recipe.get(SEED, 0)) for run in group) for group in groups]
        rows.append([SEED, *seeds])
    for key, values in differing.items():
        if key != SEED:
            rows.append([key, *("" if value is None else str(value) for value in values)])
    metrics = sorted({name for run in runs for name in run.best})
    rows += [[f"best {name}", *(_over_seeds(name, group) for group in groups)] for name in metrics]
    return rows


def _over_seeds(name: str, group: list[RunSummary]) -> str:
    values = [run.best[name] for run in group if name in run.best]
    if len(values) < 2:
        return "".join(f"{value:.4f}" for value in values)
    return f"{mean(values):.4f} ± {(max(values) - min(values)) / 2:.4f}"


def _flatten(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    items = enumerate(value) if isinstance(value, list) else value.items()
    for key, child in items:
        name = f"{path}.{key}" if path else str(key)
        if isinstance(child, dict | list) and child:
            yield from _flatten(child, name)
        else:
            yield name, child
