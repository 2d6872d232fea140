"""Fair timing: candidates run in turns, so that a change in machine speed affects all of them."""

import statistics
import time
from collections.abc import Callable, Mapping

REST = 0.05
"""Pause before each run, in seconds, until spinning threads of the previous candidate stop."""


def side_by_side(runs: Mapping[str, Callable[[], object]], rounds: int = 15) -> dict[str, float]:
    """The median seconds of each candidate, after two warm-up rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 2):
        for name, run in runs.items():
            time.sleep(REST)
            began = time.perf_counter()
            run()
            if number >= 2:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in seconds.items()}


def table(title: str, head: list[str], rows: list[list[object]]) -> None:
    """Print a Markdown table."""
    cells = [head, *([_shown(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    print(f"\n{title}\n")
    for index, row in enumerate(cells):
        print("| " + " | ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) + " |")
        if index == 0:
            print("|" + "|".join("-" * (w + 1) + ":" for w in widths) + "|")
    print(flush=True)


def _shown(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return str(cell)
