"""Every recurrent cell on text: the same tasks, the same number of parameters, the same updates.

python -m benchmarks.networks [quality | cost | table] ...

quality  train each network on each task with three seeds: some hours
cost     measure the speed and memory of each on a part of the data: on an idle machine
table    print a table for each task, and draw docs/networks.svg

$TEXTRNN_DATA must have the data sets of the recipes beside this file. Each run is a process of its
own, whose result is a line of quality.jsonl or cost.jsonl; runs that are there are not repeated, so
that the command can be stopped and continued.

The hidden width of each cell is chosen such that the network has as many parameters as that with
the LSTM of the recipe, not counting those of words. Speeds are given relative to that LSTM, on the
same machine.
"""

import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.networks.chart import bar_chart
from benchmarks.networks.run import Cost, Quality, cost, quality
from benchmarks.timing import table
from textrnn.layers.cells.registry import CELLS

TASKS = {
    "emotion": ("macro_f1", "macro F1"),
    "tags": ("accuracy", "accuracy"),
    "translation": ("bleu", "BLEU"),
    "characters": ("windowed_bits", "bits per character"),
}
"""The metric of each task, and its title."""
SEEDS = 3
FOLDER = Path(__file__).parent
QUALITY, COST = FOLDER / "quality.jsonl", FOLDER / "cost.jsonl"
CHART = FOLDER.parents[1] / "docs" / "networks.svg"
COLUMNS = (
    "units", "parameters", "training, tokens/s", "serving, tokens/s", "memory, MB",
)  # fmt: skip


def main(*parts: str) -> None:
    runs = [(task, cell) for task in TASKS for cell in CELLS]
    for part in parts or ("quality", "cost", "table"):
        if part == "quality":
            for seed in range(SEEDS):
                _run_missing(quality, QUALITY, [(*run, seed) for run in runs])
        elif part == "cost":
            _run_missing(cost, COST, runs)
        elif part == "table":
            _print_tables()
        else:
            raise SystemExit(f"unknown part {part!r}: expected quality, cost or table")


def _run_missing(
    measure: Callable[..., Quality | Cost], path: Path, runs: list[tuple[Any, ...]]
) -> None:
    """Append the result of each run that the file lacks."""
    for run in runs:
        if not any(result[: len(run)] == list(run) for result in _read(path)):
            result = _in_new_process(measure, FOLDER / f"{run[0]}.toml", *run[1:])
            with path.open("a") as file:
                file.write(json.dumps(result) + "\n")


def _in_new_process(function: Callable[..., Any], *args: Any) -> Any:
    """So that memory and compiled programs are those of this run alone."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(function, *args).result()


def _read(path: Path) -> list[list[Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _print_tables() -> None:
    charts = {}
    qualities = [Quality(*result) for result in _read(QUALITY)]
    costs = {(task, cell): Cost(task, cell, *rest) for task, cell, *rest in _read(COST)}
    for task, (metric, title) in TASKS.items():
        rows = list(_rows(task, metric, qualities, costs))
        table(task, ["network", title, *COLUMNS], rows)
        charts[f"{task}: {title}"] = {str(row[0]): float(str(row[1]).split()[0]) for row in rows}
    CHART.write_text(bar_chart(charts))


def _rows(
    task: str, metric: str, qualities: list[Quality], costs: dict[tuple[str, str], Cost]
) -> Iterator[list[object]]:
    """A row for each cell, the best first: the mean of the metric and half of its range."""
    groups = {
        cell: [each for each in qualities if (each.task, each.cell) == (task, cell)]
        for cell in CELLS
    }
    values = {
        cell: [each.metrics[metric] for each in group] for cell, group in groups.items() if group
    }
    peer = costs[task, "lstm"]
    sign = 1 if metric == "windowed_bits" else -1
    for cell in sorted(values, key=lambda cell: sign * mean(values[cell])):
        spread = (max(values[cell]) - min(values[cell])) / 2
        cost = costs[task, cell]
        yield [
            cell,
            f"{mean(values[cell]):.3f} ± {spread:.3f}",
            groups[cell][0].hidden,
            f"{groups[cell][0].parameters:,}",
            f"{cost.training / peer.training:.2f}",
            f"{cost.serving / peer.serving:.2f}",
            f"{cost.megabytes:,.0f}",
        ]
