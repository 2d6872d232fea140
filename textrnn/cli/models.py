"""`textrnn models`: the models that ship with the package."""

import typer

from textrnn.cli.arguments import Model
from textrnn.cli.tables import print_table, visible
from textrnn.errors import UserError

app = typer.Typer(help="List models and show their model cards.", no_args_is_help=True)


@app.command("list")
def list_models_command() -> None:
    """List the models that ship with the package."""
    from textrnn.bundle import SHIPPED, read_info, shipped

    rows = [["name", "task", "languages", "description"]]
    for name in shipped():
        info = read_info(SHIPPED / name)
        rows.append([name, info.task, ",".join(info.languages), info.description])
    print_table(rows)


@app.command("show")
def show_model_command(model: Model) -> None:
    """Print the model card: data, metrics, licences and limitations."""
    from textrnn.bundle import find_bundle

    path = find_bundle(model) / "README.md"
    if not path.is_file():
        raise UserError(f"{path}: is missing: the bundle has no model card")
    try:
        print(visible(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
