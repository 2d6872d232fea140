"""`textrnn data`: training data, from its official sources and of your own."""

from pathlib import Path
from typing import Annotated

import typer

from textrnn.cli.arguments import RecipeName, RecipeSettings
from textrnn.cli.tables import visible

app = typer.Typer(help="Check and download training data.", no_args_is_help=True)


@app.command("check")
def check_command(
    recipe: RecipeName,
    settings: RecipeSettings = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the data of a recipe, and print what is in it and what is wrong with it.

    The exit status is 1 if `textrnn train` would refuse it.
    """
    from training.data_check import check_data
    from training.recipe import load_recipe

    report = check_data(load_recipe(recipe, settings or [])).report
    print(report.to_json() if as_json else visible(report.as_text()))
    if not report.accepted:
        raise typer.Exit(1)


@app.command("fetch")
def fetch_command(
    name: Annotated[str, typer.Argument(help="sst2, sst_trees, imdb or goemotions.")],
    to: Annotated[Path, typer.Option(help="Data root: the directory named by TEXTRNN_DATA.")],
    mirror: Annotated[
        str | None, typer.Option(help="URL of a mirror that serves the same files.")
    ] = None,
) -> None:
    """Download the data of a shipped recipe from its official source, and verify it."""
    from textrnn.cli.progress import DownloadProgress
    from training.fetch import fetch

    with DownloadProgress() as progress:
        folder = fetch(name, to, mirror, progress)
    print(f"{folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
