"""The `textrnn` command: the one place that knows the service and training, when they are used."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from textrnn.cli.tables import print_metrics, print_table
from textrnn.errors import UserError
from textrnn.runtime import remember_programs, use_huge_pages

app = typer.Typer(
    help="Text analytics with recurrent networks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
models_app = typer.Typer(help="The models that there are.", no_args_is_help=True)
data_app = typer.Typer(help="Training data.", no_args_is_help=True)
runs_app = typer.Typer(help="Training runs side by side.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(data_app, name="data")
app.add_typer(runs_app, name="runs")

Model = Annotated[str, typer.Argument(help="A shipped name or a bundle directory.")]


def main() -> NoReturn:
    """Exit 0: done; 1: failed, with a reason in one line; 2: used in a wrong way."""
    try:
        app()
    except UserError as error:
        print(f"textrnn: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if not error.name or error.name.split(".")[0] in ("textrnn", "service", "training"):
            raise
        print(
            f"textrnn: {error.name} is not installed; pip install 'textrnn[service]' brings what "
            "serving needs, [training] what training and evaluation need, [ray] clusters",
            file=sys.stderr,
        )
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


@app.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "help_option_names": [],
    }
)
def serve(context: typer.Context) -> None:
    """Answer requests over HTTP."""
    use_huge_pages()
    remember_programs()
    # Its flags are made of the service's settings, which are there only with what serving needs.
    from service import command
    from service.observe import logs
    from service.settings import Settings

    def start(settings: Settings) -> None:
        logs.configure(settings)
        if settings.workers > 1:
            from service.workers import supervise as serve
        else:
            from service.server import serve
        serve(settings)

    command.run_command(context.args, start)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a TOML file.")],
    settings: Annotated[
        list[str] | None, typer.Argument(help="Overrides, as in train.epochs=3.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The run's directory; runs/NAME.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the newest checkpoint.")] = False,
) -> None:
    """Train a model, and save it as a bundle."""
    use_huge_pages()
    from training.job import run
    from training.recipe import load_recipe

    chosen = load_recipe(recipe, settings or [])
    directory = output or Path("runs") / chosen.name
    info = run(chosen, directory, resume)
    print_metrics(info.metrics)
    print(f"{directory / 'bundle'}: the model    {directory / 'report.md'}: the report")


@app.command()
def evaluate(
    model: Model,
    data: Annotated[
        str,
        typer.Argument(help="Rows with gold, in any format; or a recipe: its development sets."),
    ],
    column: Annotated[
        list[str] | None, typer.Option(help="Which column a field is in, as in text=review.")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="csv, jsonl, conll ...; by the file's ending, if not given.")
    ] = None,
    parallel: Annotated[
        Path | None, typer.Option(help="A text file: its lines are the targets of those of DATA.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a model on rows with gold."""
    use_huge_pages()
    import textrnn
    from training.evaluate import evaluate, read_sets

    predictor = textrnn.load(model)
    task = predictor.task
    sets = read_sets(task, data, pairs(column), format, parallel)
    results = {name: evaluate(predictor, rows) for name, rows in sets.items()}
    metrics = {name: result[0] for name, result in results.items()}
    if as_json:
        print(json.dumps(metrics))
        return
    print_metrics(metrics)
    for name, (_, answers) in results.items():
        table = task.table(answers, sets[name])
        if table:
            print(f"\n{name}\n{table}")


@app.command()
def score(
    model: Model,
    inputs: Annotated[
        list[Path], typer.Argument(help="CSV, TSV, JSONL, Parquet, CoNLL, TXT, or .gz.")
    ],
    output: Annotated[Path, typer.Option(help="Its ending says the format.")],
    column: Annotated[
        list[str] | None, typer.Option(help="Which column a field is in, as in text=review.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="An option of the task, as in top_k=3.")
    ] = None,
    strict: Annotated[bool, typer.Option(help="Stop at the first bad row.")] = False,
    resume: Annotated[bool, typer.Option(help="Go on where a stopped run was.")] = False,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Where it runs; ray: on all its workers.")
    ] = "local",
) -> None:
    """Score files: every row with the model's answer beside it, in order."""
    use_huge_pages()
    from textrnn.bundle import load_bundle
    from textrnn.cli.progress import ScoringProgress
    from textrnn.io.readers import format_of
    from textrnn.predictor import Predictor
    from textrnn.scoring import local, score

    bundle = load_bundle(model)
    if engine == "ray":
        from textrnn.cluster.ray import on_ray

        run = on_ray(model)
    else:
        run = local(Predictor(bundle.task, bundle.params))
    options = typed(option)
    if format_of(output) == "conll":
        if bundle.task.name != "tag":
            raise UserError(f"{output}: .conll is for the answers of taggers; use .jsonl")
        options["tags"] = True
    with ScoringProgress() as progress:
        done = score(
            bundle.task, run, inputs, output,
            identity=bundle.info.files["weights.safetensors"],
            columns=pairs(column), options=options, strict=strict, resume=resume,
            on_progress=progress,
        )  # fmt: skip
    note = f"; {done.bad} bad rows in {output}.errors.jsonl" if done.bad else ""
    print(f"{output}: {done.rows} rows{note}" if done.records else f"{output}: is complete already")


@app.command()
def predict(
    model: Model,
    texts: Annotated[list[str] | None, typer.Argument(help="Texts; else lines of stdin.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="An option of the task, as in top_k=3.")
    ] = None,
    alignment: Annotated[
        bool, typer.Option("--alignment", help="For translation: draw which words it looked at.")
    ] = False,
) -> None:
    """Answer texts, one JSON object a line; on a terminal entities in colour, and text that is
    generated as it is written."""
    import textrnn
    from textrnn.cli.show import show

    predictor = textrnn.load(model)
    options = typed(option) | ({"alignment": True} if alignment else {})
    for text in texts or (line.rstrip("\n") for line in sys.stdin):
        show(predictor, text, options, sys.stdout, alignment)


@models_app.command("list")
def list_models() -> None:
    """The models that come with the package."""
    from textrnn.bundle import SHIPPED, shipped

    rows = [["name", "task", "languages", "description"]]
    for name in shipped():
        info = json.loads((SHIPPED / name / "bundle.json").read_text())
        rows.append([name, info["task"], ",".join(info["languages"]), info["description"]])
    print_table(rows)


@models_app.command("show")
def show_model(name: Model) -> None:
    """A model's card."""
    from textrnn.bundle import find

    path = find(name) / "README.md"
    if not path.exists():
        raise UserError(f"{path}: is missing: the bundle has no card")
    print(path.read_text(encoding="utf-8"))


@data_app.command("fetch")
def fetch_data(
    name: Annotated[str, typer.Argument(help="sst2, sst_trees, imdb or goemotions.")],
    to: Annotated[Path, typer.Option(help="The data root, as TEXTRNN_DATA names it.")],
    mirror: Annotated[str | None, typer.Option(help="A URL that holds the same files.")] = None,
) -> None:
    """Fetch the data of the shipped recipes from its official sources."""
    from textrnn.cli.progress import DownloadProgress
    from training.fetch import fetch

    with DownloadProgress() as progress:
        folder = fetch(name, to, mirror, progress)
    print(f"{folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


@runs_app.command("list")
def list_runs(
    root: Annotated[Path, typer.Argument(help="Where to look for runs.")] = Path("runs"),
) -> None:
    """The runs below a directory, with their best development metrics."""
    from training.compare import find_runs, summarise

    rows = [["run", "steps", "finished", "best"]]
    for directory in find_runs(root):
        found = summarise(directory)
        best = "  ".join(f"{name} {value:.4f}" for name, value in found.best.items())
        finished = "yes" if found.finished else "no"
        rows.append([str(directory), str(found.steps), finished, best])
    print_table(rows)


@runs_app.command("compare")
def compare_runs(directories: Annotated[list[Path], typer.Argument(help="Runs.")]) -> None:
    """In what runs differ, and what each came to."""
    from training.compare import differences, summarise

    runs = [summarise(directory) for directory in directories]
    rows = [["", *(run.directory.name for run in runs)]]
    for key, values in differences(runs).items():
        rows.append([key, *("" if value is None else str(value) for value in values)])
    metrics = sorted({name for run in runs for name in run.best})
    for name in metrics:
        cells = [f"{run.best[name]:.4f}" if name in run.best else "" for run in runs]
        rows.append([f"best {name}", *cells])
    print_table(rows)


def pairs(assignments: list[str] | None) -> dict[str, str]:
    """["text=review"] to {"text": "review"}. Raises UserError."""
    for assignment in assignments or []:
        if "=" not in assignment:
            raise UserError(f"{assignment!r} is not an assignment; write name=value")
    return {name: value for name, _, value in (a.partition("=") for a in assignments or [])}


def typed(assignments: list[str] | None) -> dict[str, Any]:
    """["top_k=3"] to {"top_k": 3}. Raises UserError."""
    from textrnn.config import override

    return override({}, assignments or [])
