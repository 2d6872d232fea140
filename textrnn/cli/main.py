"""The `textrnn` command. Imports the service and training packages only in the commands that use
them."""

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

import textrnn
from textrnn import native
from textrnn.cli import data, models, runs
from textrnn.cli.arguments import (
    Columns,
    Model,
    RecipeName,
    RecipeSettings,
    TaskOptions,
    one_character,
    parse_columns,
    parse_options,
)
from textrnn.cli.tables import print_metrics, print_table
from textrnn.errors import UserError
from textrnn.io.formats import FORMATS, endings
from textrnn.io.lines import is_stream
from textrnn.runtime import enable_compilation_cache

app = typer.Typer(
    help="Train, serve and run recurrent models for classification, tagging, translation and text "
    "generation.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")
app.add_typer(runs.app, name="runs")


def print_version(wanted: bool) -> None:
    if wanted:
        jax = importlib.metadata.version("jax")
        print(f"textrnn {textrnn.__version__}, JAX {jax}, {native.description()}")
        raise typer.Exit


@app.callback()
def global_options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the versions of textrnn and JAX, and what runs the models on the CPU.",
            callback=print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    pass


FAILED_PARTS = 3
"""The exit status of a job that finished, but for invalid rows or failed trials."""


def main() -> NoReturn:
    """Run the command line and exit: 0 on success, 1 with a one-line error, 2 on wrong usage, 3 if
    rows of a file are invalid."""
    try:
        app()
    except UserError as error:
        print(f"textrnn: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if not error.name or error.name.split(".")[0] in ("textrnn", "service", "training"):
            raise
        print(
            f"textrnn: {error.name} is not installed; pip install 'textrnn[service]' for serving, "
            "'textrnn[training]' for training and evaluation, 'textrnn[ray]' for clusters, "
            "'textrnn[mlflow]' for MLflow",
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
    "serve",
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "help_option_names": [],
    },
)
def serve_command(context: typer.Context) -> None:
    """Serve models over HTTP."""
    enable_compilation_cache()
    # The flags are generated from the service's settings, which need the `service` extra.
    from service import command
    from service.garbage_collection import pause_garbage_collector
    from service.observe import logs
    from service.settings import Settings

    def start(settings: Settings) -> None:
        logs.configure(settings)
        if settings.workers > 1:
            from service.workers import supervise as serve
        else:
            pause_garbage_collector()
            from service.server import serve
        serve(settings)

    command.run_command(context.args, start)


@app.command("train")
def train_command(
    recipe: RecipeName,
    settings: RecipeSettings = None,
    output: Annotated[
        Path | None, typer.Option(help="Directory of the run. Default: runs/NAME.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Continue from the newest checkpoint.")] = False,
    hosts: Annotated[
        str | None,
        typer.Option(
            help="Number of hosts that train together, each with this command, or `auto` to ask "
            "the scheduler: SLURM, Open MPI, Kubernetes or a TPU pod."
        ),
    ] = None,
    host_id: Annotated[
        int | None, typer.Option(help="Number of this host among --hosts, from 0.")
    ] = None,
    coordinator: Annotated[
        str | None, typer.Option(help="Address and free port of host 0, as in 10.0.0.1:9000.")
    ] = None,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="Train in this process, or on the workers of a Ray cluster."),
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of workers that train together on Ray.")
    ] = None,
) -> None:
    """Train a model from a recipe and save it as a bundle."""
    from training.hosts import joined
    from training.job import run
    from training.recipe import load_recipe

    resolved = load_recipe(recipe, settings or [])
    directory = output or Path("runs") / resolved.name
    if (engine == "ray") != (workers is not None) or (engine == "ray" and hosts is not None):
        raise UserError("give --engine ray with --workers, or --hosts, or neither")
    if workers is not None:
        from training.cluster import train_on_ray

        info = train_on_ray(resolved, directory, resume, workers)
    else:
        with joined(hosts, host_id, coordinator):
            info = run(resolved, directory, resume)
    if info is not None:
        print_metrics(info.metrics)
        print(f"{directory / 'bundle'}: the model    {directory / 'report.md'}: the report")


@app.command("sweep")
def sweep_command(
    recipe: RecipeName,
    settings: Annotated[
        list[str],
        typer.Argument(
            help="Settings with several values, as in 'model.encoder.cell=[lstm, gru]', "
            "'train.optimizer.rate=log(1e-4, 1e-2)', 'model.dropout=uniform(0, 0.5)' or "
            "'model.encoder.hidden=integer(32, 256)'; others as in train."
        ),
    ],
    trials: Annotated[int, typer.Option(min=1, help="Number of trials; not of a grid.")] = 20,
    search: Annotated[
        Literal["grid", "random", "bayesian"], typer.Option(help="How values are chosen.")
    ] = "random",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the choice.")] = 0,
    output: Annotated[
        Path | None, typer.Option(help="Directory of the sweep. Default: runs/NAME-sweep.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on with a sweep that was interrupted.")] = False,
) -> None:
    """Train a recipe with many settings on Ray, stop hopeless trials, and write the best recipe.

    The exit status is 3 if a trial failed.
    """
    from training.sweep.run import Sweep, run_sweep

    sweep = Sweep(recipe=recipe, settings=tuple(settings), search=search, trials=trials, seed=seed)
    directory = output or Path("runs") / f"{Path(recipe).stem}-sweep"
    done = run_sweep(sweep, directory, resume)
    keys = list(done[0].values)
    rows = [["trial", *keys, "value", "state"]]
    for trial in done:
        values = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in trial.values.values()]
        best = "" if trial.best is None else f"{trial.best:.4f}"
        state = f"{trial.state}: {trial.error}" if trial.error else trial.state
        rows.append([trial.directory.name, *values, best, state])
    print_table(rows)
    print(f"\n{directory / 'best.toml'}: the recipe of the best trial")
    if any(trial.state == "failed" for trial in done):
        sys.exit(FAILED_PARTS)


@app.command("compress")
def compress_command(
    model: Model,
    data: Annotated[
        str,
        typer.Argument(
            help="File with gold labels, or a recipe: its training rows are used, and its settings "
            "to fine-tune the model."
        ),
    ],
    settings: RecipeSettings = None,
    rank: Annotated[
        int | None, typer.Option(min=1, help="Inner width of every compressed matrix.")
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of the variance that the inner widths keep."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Directory of the result. Default: runs/MODEL-compressed."),
    ] = None,
) -> None:
    """Compress the LSTMs of a model: project their matrices onto principal components."""
    from training.compress import as_table, compress
    from training.projection import Rank

    if (rank is None) == (share is None):
        raise UserError("give --rank or --share, as in --share 0.95")
    directory = output or Path("runs") / f"{Path(model).name}-compressed"
    chosen = Rank(share=share) if share is not None else Rank(rank)
    results = compress(model, data, chosen, directory, settings or [])
    print_table(as_table(results))
    print(f"\n{directory / 'bundle'}: the model")


@app.command("evaluate")
def evaluate_command(
    model: Model,
    data: Annotated[
        str,
        typer.Argument(help="File with gold labels, or a recipe whose development sets to use."),
    ],
    column: Columns = None,
    format: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(FORMATS)} or trees. Default: by extension."),
    ] = None,
    parallel: Annotated[
        Path | None, typer.Option(help="Text file with the target line of each line of DATA.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a model on labelled data."""
    from training.evaluate import evaluate, read_sets

    predictor = textrnn.load(model)
    task = predictor.task
    sets = read_sets(task, data, parse_columns(column), format, parallel)
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


@app.command("score")
def score_command(
    model: Model,
    inputs: Annotated[
        list[Path],
        typer.Argument(
            help=f"Files with one of {', '.join(endings())}, also with .gz; - is standard input."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            help=f"Output file: {', '.join(endings(writable=True))}, also with .gz; "
            "- for standard output."
        ),
    ],
    column: Columns = None,
    option: TaskOptions = None,
    format: Annotated[
        str | None,
        typer.Option(help=f"Format of the inputs: {', '.join(FORMATS)}. Default: by extension."),
    ] = None,
    output_format: Annotated[
        str | None, typer.Option(help="Format of the output. Default: by extension, jsonl for -.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Character between the cells of CSV. Default: a comma.")
    ] = None,
    escape: Annotated[
        str | None,
        typer.Option(
            help="Character before a quote inside of a CSV cell. Default: doubled quotes."
        ),
    ] = None,
    strict: Annotated[bool, typer.Option(help="Stop at the first invalid row.")] = False,
    allow_bad: Annotated[
        int,
        typer.Option(min=0, help="Number of invalid rows up to which the exit status is 0."),
    ] = 0,
    resume: Annotated[bool, typer.Option(help="Continue a job that was interrupted.")] = False,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="Run in this process, or on the workers of a Ray cluster."),
    ] = "local",
) -> None:
    """Score files: write every row, in order, with the model's answer in added columns.

    The exit status is 3 if there are more invalid rows than --allow-bad.
    """
    from textrnn.bundle import load_bundle
    from textrnn.cli.progress import ScoringProgress, summary
    from textrnn.io.formats import writable_format
    from textrnn.io.records import TableOptions
    from textrnn.predictor import Predictor
    from textrnn.scoring import FileOptions, local, score

    for name in (format, output_format):
        if name not in (None, *FORMATS):
            raise UserError(f"no format {name!r}; there are {', '.join(FORMATS)}")
    table = TableOptions(
        delimiter=one_character("--delimiter", delimiter), escape=one_character("--escape", escape)
    )
    files = FileOptions(format, output_format, table)
    bundle = load_bundle(model)
    if engine == "ray":
        from textrnn.cluster.ray import on_ray

        runner = on_ray(model)
    else:
        runner = local(Predictor(bundle.task, bundle.params))
    options = parse_options(option)
    if writable_format(output, output_format).name == "conll":
        if bundle.task.name != "tag":
            raise UserError(f"{output}: only taggers write .conll; use .jsonl")
        options["tags"] = True
    with ScoringProgress() as progress:
        result = score(
            bundle.task, runner, inputs, output,
            identity=bundle.info.files["weights.safetensors"],
            columns=parse_columns(column), options=options, files=files, strict=strict,
            resume=resume, on_progress=progress,
        )  # fmt: skip
    print(summary(output, result), file=sys.stderr if is_stream(output) else sys.stdout)
    if result.bad > allow_bad:
        raise typer.Exit(FAILED_PARTS)


@app.command("predict")
def predict_command(
    model: Model,
    texts: Annotated[
        list[str] | None, typer.Argument(help="Texts. Default: lines of standard input.")
    ] = None,
    option: TaskOptions = None,
    alignment: Annotated[
        bool,
        typer.Option("--alignment", help="For translation: draw the attention of each token."),
    ] = False,
) -> None:
    """Run a model on texts and print one JSON object per line.

    A text that the model cannot take is reported on standard error with its number, the others are
    answered, and the exit status is 1.

    On a terminal, entities are highlighted and generated text is streamed.
    """
    from textrnn.cli.show import show
    from textrnn.io.formats import read_records
    from textrnn.io.lines import STANDARD_STREAM
    from textrnn.io.records import Record

    predictor = textrnn.load(model)
    options = parse_options(option) | ({"alignment": True} if alignment else {})
    if texts:
        unit, records = "text", [Record(n, {"text": text}) for n, text in enumerate(texts, start=1)]
    else:
        unit, records = "line", read_records(STANDARD_STREAM, "lines")
    bad = 0
    for record in records:
        reason = show(predictor, record, options, sys.stdout, alignment)
        if reason:
            bad += 1
            print(f"textrnn: {unit} {record.line}: {reason}", file=sys.stderr)
    if bad:
        raise typer.Exit(1)
