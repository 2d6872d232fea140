"""`textrnn data`: training data from its official sources."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Download training data.", no_args_is_help=True)


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
