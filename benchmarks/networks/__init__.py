"""Every recurrent cell on text: the same tasks, the same number of parameters, the same updates.

python -m benchmarks.networks [TASK ...]

$TEXTRNN_DATA must have the data sets of the recipes beside this file. Each run is a process of its
own, whose result is a line of results.jsonl; runs that are there are not repeated, so that the
command can be stopped and continued. It prints a table for each task and draws docs/networks.svg.

The hidden width of each cell is chosen such that the network has as many parameters as that with
the LSTM of the recipe, not counting those of words. Times are given relative to that LSTM, on the
same machine.
"""

import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import mean, median

from benchmarks.networks.chart import bar_chart
from benchmarks.networks.run import Result, run
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
RESULTS = FOLDER / "results.jsonl"
CHART = FOLDER.parents[1] / "docs" / "networks.svg"


def main(*tasks: str) -> None:
    done = _read()
    for seed in range(SEEDS):
        for task in tasks or TASKS:
            for cell in CELLS:
                if (task, cell, seed) not in done:
                    result = _in_new_process(task, cell, seed)
                    done[task, cell, seed] = result
                    with RESULTS.open("a") as file:
                        file.write(json.dumps(result._asdict()) + "\n")
    results = list(done.values())
    charts = {}
    for task, (metric, title) in TASKS.items():
        if not any(each.task == task for each in results):
            continue
        rows = list(_rows(metric, [each for each in results if each.task == task]))
        table(task, ["network", title, "units", "parameters", *COSTS], rows)
        charts[f"{task}: {title}"] = {str(row[0]): float(str(row[1]).split()[0]) for row in rows}
    CHART.write_text(bar_chart(charts))


COSTS = ("training time", "tokens/s in serving", "memory, MB")


def _in_new_process(task: str, cell: str, seed: int) -> Result:
    """So that memory and compiled programs are those of this run alone."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(run, FOLDER / f"{task}.toml", cell, seed).result()


def _read() -> dict[tuple[str, str, int], Result]:
    if not RESULTS.exists():
        return {}
    results = [Result(**json.loads(line)) for line in RESULTS.read_text().splitlines()]
    return {(result.task, result.cell, result.seed): result for result in results}


def _rows(metric: str, results: list[Result]) -> Iterator[list[object]]:
    """A row for each cell, the best first: the mean of the metric and half of its range."""
    groups = {cell: [each for each in results if each.cell == cell] for cell in CELLS}
    means = {
        cell: mean(each.metrics[metric] for each in group)
        for cell, group in groups.items()
        if group
    }
    lstm = groups["lstm"]
    seconds = median(each.seconds for each in lstm)
    speed = median(each.tokens_per_second for each in lstm)
    for cell in sorted(means, key=means.__getitem__, reverse=metric != "windowed_bits"):
        group = groups[cell]
        values = [each.metrics[metric] for each in group]
        yield [
            cell,
            f"{means[cell]:.3f} ± {(max(values) - min(values)) / 2:.3f}",
            group[0].hidden,
            f"{group[0].parameters:,}",
            f"{median(each.seconds for each in group) / seconds:.1f}",
            f"{median(each.tokens_per_second for each in group) / speed:.2f}",
            f"{median(each.megabytes for each in group):,.0f}",
        ]
