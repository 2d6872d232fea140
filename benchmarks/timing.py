"""Fair timing: candidates take turns in blocks of calls, so that a change in machine speed affects
all of them.

A block is a rest, a first call, and further calls back to back. The threads of most libraries spin
for a while after a call, so the rest lasts until no thread of the process runs; otherwise those of
one candidate would take the cores of the next. The first call wakes the candidate's own threads,
and the others find them awake, as in a busy server.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

REST = 0.05
"""Seconds of each pause in which a process is found idle or busy."""
IDLE = 0.05
"""Share of one core that an idle process uses at most."""
PAUSES = 40
BLOCK = 0.02
"""Seconds that the calls of a block fill at least."""


class Times(NamedTuple):
    """Median seconds of a call."""

    first: float
    """The first call after a rest."""
    repeated: float
    """A call directly after another."""


def side_by_side(
    runs: Mapping[str, Callable[[], object]], rounds: int = 9, calls: int = 3
) -> dict[str, float]:
    """The median seconds of a repeated call of each candidate; see `time_blocks`."""
    return {name: times.repeated for name, times in time_blocks(runs, rounds, calls).items()}


def time_blocks(
    runs: Mapping[str, Callable[[], object]], rounds: int = 9, calls: int = 3
) -> dict[str, Times]:
    """The times of each candidate over `rounds` interleaved blocks, after one block to warm up. A
    block has at least `calls` calls after its first."""
    blocks: dict[str, list[Times]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            rest()
            blocks[name].append(_block(run, calls))
    return {
        name: Times(*map(statistics.median, zip(*times[1:], strict=True)))
        for name, times in blocks.items()
    }


def rest() -> None:
    """Return when the threads of this process have stopped. Raises RuntimeError if they do not."""
    for _ in range(PAUSES):
        used = time.process_time()
        time.sleep(REST)
        if time.process_time() - used < IDLE * REST:
            return
    raise RuntimeError(f"a thread of this process ran for {PAUSES * REST:.0f} s during a pause")


def _block(run: Callable[[], object], calls: int) -> Times:
    began = time.perf_counter()
    run()
    first = now = time.perf_counter()
    done = 0
    while done < calls or now - first < BLOCK:
        run()
        now = time.perf_counter()
        done += 1
    return Times(first - began, (now - first) / done)


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
