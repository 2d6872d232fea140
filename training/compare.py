"""Comparison of training runs: the settings in which they differ, and their best metrics."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.config import read_toml
from textrnn.errors import UserError
from training.log import read_metrics


@dataclass(frozen=True)
class RunSummary:
    directory: Path
    recipe: dict[str, Any]
    """Settings by dotted path, such as `train.optimizer.rate`."""
    steps: int
    finished: bool
    best: dict[str, float]
    """The best value of each development metric, such as `heldout.accuracy`."""


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
    return RunSummary(
        directory=directory,
        recipe=dict(_flatten(read_toml(path))),
        steps=int(max((entry["step"] for entry in entries), default=0)),
        finished=(directory / "bundle" / "bundle.json").exists(),
        best=best,
    )


def differences(runs: Sequence[RunSummary]) -> dict[str, list[Any]]:
    """The settings whose values differ between the runs, each with its value in every run."""
    keys = sorted({key for run in runs for key in run.recipe})
    values = {key: [run.recipe.get(key) for run in runs] for key in keys}
    return {key: row for key, row in values.items() if any(v != row[0] for v in row)}


def _flatten(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    items = enumerate(value) if isinstance(value, list) else value.items()
    for key, child in items:
        name = f"{path}.{key}" if path else str(key)
        if isinstance(child, dict | list) and child:
            yield from _flatten(child, name)
        else:
            yield name, child
