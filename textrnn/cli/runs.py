"""`textrnn runs`: training runs side by side."""

from pathlib import Path
from typing import Annotated

import typer

from textrnn.cli.tables import print_table

app = typer.Typer(help="List, show, compare and track training runs.", no_args_is_help=True)


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


@app.command("show")
def show_run_command(
    directory: Annotated[Path, typer.Argument(help="Directory of a run.")],
) -> None:
    """Show a run: its settings, metrics, data, and the code and machine that trained it."""
    from training.compare import summarise

    run = summarise(directory)
    rows = [["run", str(directory)], ["steps", str(run.steps)]]
    rows.append(["finished", "yes" if run.finished else "no"])
    if run.finished:
        rows.append(["trained", f"{run.seconds:.0f} s on {run.device}"])
    rows += [[f"best {name}", f"{value:.4f}"] for name, value in sorted(run.best.items())]
    rows += [[f"version of {name}", version] for name, version in run.versions.items()]
    rows += [[f"data {name}", digest] for name, digest in run.data.items()]
    rows += [[name, str(value)] for name, value in run.recipe.items()]
    print_table(rows)


@app.command("track")
def track_runs_command(
    directories: Annotated[list[Path], typer.Argument(help="Directories of runs.")],
    experiment: Annotated[str, typer.Option(help="The experiment in MLflow.")] = "textrnn",
) -> None:
    """Log runs to MLflow: settings, metrics, pictures and models.

    The server is that of MLFLOW_TRACKING_URI, by default a database mlflow.db in this directory.
    """
    from training.tracking import track

    for directory in directories:
        print(f"{directory}: run {track(directory, experiment)} of {experiment}")


@app.command("compare")
def compare_runs_command(
    directories: Annotated[list[Path], typer.Argument(help="Directories of runs.")],
    html: Annotated[
        Path | None, typer.Option(help="Also write a page with the curves to this file.")
    ] = None,
) -> None:
    """Compare runs: what they differ in, and their best metrics, as a mean over seeds."""
    from training.compare import comparison, summarise

    runs = [summarise(directory) for directory in directories]
    print_table(comparison(runs))
    if html is not None:
        from training.comparison_page import write_comparison

        write_comparison(runs, html)
        print(f"\n{html}: the comparison with curves")
