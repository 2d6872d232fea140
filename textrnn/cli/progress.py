"""Progress of long jobs: a live display on a terminal, an occasional line elsewhere."""

import sys
import time
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from textrnn.io import journal
from textrnn.io.lines import is_stream

LINE_INTERVAL = 10.0
"""Seconds between two lines if standard error is not a terminal."""


class ScoringProgress:
    """Rows scored, rows per second and invalid rows."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(TextColumn("{task.fields[state]}"), console=self._console,
                             disable=not sys.stderr.isatty())  # fmt: skip
        self._job = self._bar.add_task("score", total=None, state="")
        self._started: tuple[float, int] | None = None
        self._next_line = time.monotonic() + LINE_INTERVAL

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: journal.JournalProgress) -> None:
        now = time.monotonic()
        started, first = self._started = self._started or (now, done.records)
        rate = (done.records - first) / max(now - started, 1e-9)
        state = f"{done.records:,} rows  {rate:,.0f} rows/s  {done.bad} bad"
        self._bar.update(self._job, state=state)
        if self._bar.disable and now >= self._next_line:
            self._console.print(state, highlight=False)
            self._next_line = now + LINE_INTERVAL


def summary(output: Path, done: journal.JournalProgress) -> str:
    """What became of the rows of a finished job, in one line."""
    complete = f"{output}: is complete already"
    scored = f"{output}: {done.rows:,} of {done.records:,} rows scored"
    parts = [scored if done.records or done.lines else complete]
    if done.bad:
        shown = ", ".join((*done.places, "...")[: done.bad])
        where = "" if is_stream(output) else f" in {output}.errors.jsonl"
        rows = "row" if done.bad == 1 else "rows"
        parts.append(f"{done.bad:,} bad {rows}{where}" + (f" ({shown})" if done.places else ""))
    if done.lines:
        rest = (
            f", {done.skipped:,} of them headers, blank lines or comments" if done.skipped else ""
        )
        parts.append(f"{done.lines:,} lines read{rest}")
    return "; ".join(parts)


class DownloadProgress:
    """Bytes downloaded of each file."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
            console=Console(stderr=True), disable=not sys.stderr.isatty(),
        )  # fmt: skip
        self._jobs: dict[str, object] = {}

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, file: str, done: int, total: int | None) -> None:
        if file not in self._jobs:
            self._jobs[file] = self._bar.add_task(file, total=total)
        self._bar.update(self._jobs[file], completed=done, total=total)  # type: ignore[arg-type]
