"""The log of a training run: metrics.jsonl, TensorBoard events and progress on the terminal."""

import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from tensorboardX import SummaryWriter


class RunLog:
    """Logs scalars by step. A resumed run drops the entries after its checkpoint."""

    def __init__(self, directory: Path, total: int, step: int):
        self._path = directory / "metrics.jsonl"
        entries = [entry for entry in read_metrics(self._path) if entry["step"] <= step]
        self._path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
        self._stream = self._path.open("a")
        self._events = SummaryWriter(str(directory / "events"), purge_step=step + 1)
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("step {task.completed}/{task.total}"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not sys.stderr.isatty(),
        )
        self._job = self._bar.add_task("train", total=total, completed=step, state="")
        self._total = total
        self._began = (time.monotonic(), step)
        self._next_line = 0.0

    def __enter__(self) -> "RunLog":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        self._stream.close()
        self._events.close()

    def say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def scalars(self, step: int, **values: float) -> None:
        self._stream.write(json.dumps({"step": step, **values}) + "\n")
        self._stream.flush()
        for name, value in values.items():
            self._events.add_scalar(name, value, step)

    def progress(self, step: int, loss: float, rate: float) -> None:
        """Update the progress bar or, without a terminal, print a line every 30 seconds."""
        state = f"loss {loss:.4f}  {rate:,.0f} tokens/s"
        self._bar.update(self._job, completed=step, state=state)
        now = time.monotonic()
        if self._bar.disable and now >= self._next_line:
            began, first = self._began
            left = (now - began) / max(step - first, 1) * (self._total - step)
            self.say(f"step {step}/{self._total}  {state}  {left / 60:.0f} min left")
            self._next_line = now + 30


class NoLog:
    """The log of a host that writes none."""

    def __enter__(self) -> "NoLog":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, line: str) -> None:
        pass

    def scalars(self, step: int, **values: float) -> None:
        pass

    def progress(self, step: int, loss: float, rate: float) -> None:
        pass


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The entries of a metrics.jsonl. Ignores a last line that a crash left incomplete."""
    if not path.exists():
        return []
    entries = []
    for line in path.read_text().splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries
