"""`textrnn runs`: training runs side by side."""

from pathlib import Path
from typing import Annotated

import typer

from textrnn.cli.tables import print_table

app = typer.Typer(help="List and compare training runs.", no_args_is_help=True)


@app.command("list")
def list_runs_command(
    root: Annotated[Path, typer.Argument(help="Directory to search for runs.")] = Path("runs"),
) -> None:
    """List the runs below a directory with their best development metrics."""
    from training.compare import find_runs, summarise

    rows = [["run", "steps", "finished", "best"]]
    for directory in find_runs(root):
        run = summarise(directory)
        best = "  ".join(f"{name} {value:.4f}" for name, value in run.best.items())
        rows.append([str(directory), str(run.steps), "yes" if run.finished else "no", best])
    print_table(rows)


@app.command("compare")
def compare_runs_command(
    directories: Annotated[list[Path], typer.Argument(help="Directories of runs.")],
) -> None:
    """Compare runs: the settings in which they differ and their best metrics."""
    from training.compare import differences, summarise

    runs = [summarise(directory) for directory in directories]
    rows = [["", *(run.directory.name for run in runs)]]
    for key, values in differences(runs).items():
        rows.append([key, *("" if value is None else str(value) for value in values)])
    for name in sorted({name for run in runs for name in run.best}):
        cells = [f"{run.best[name]:.4f}" if name in run.best else "" for run in runs]
        rows.append([f"best {name}", *cells])
    print_table(rows)
