"""One cell on one task: how good the network becomes, and what it costs."""

import resource
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from textrnn.errors import UserError
from textrnn.layers.cells.choice import CellChoice, cell_choice
from textrnn.predictor import Predictor
from textrnn.tasks import TASKS, Task
from training.datasets import load_sets, rows_of
from training.findings import Findings
from training.job import run as train
from training.log import read_metrics
from training.recipe import Recipe, load_recipe
from training.speed import measure
from training.train import fit, prepare
from training.warm_start import fit_tokenizer

OPTIONS: dict[str, dict[str, Any]] = {"projected_lstm": {"input_rank": 32, "recurrent_rank": 32}}
"""Options other than the defaults, for which the networks are too small."""
DIVISIBLE = 12
"""Every cell can have such a multiple of units."""
PARTS = ("encoder", "decoder")
WORDS = ("embedding", "characters", "casing")
"""Parameters of words, which all networks have alike."""


COST_EXAMPLES = 4000
"""Training examples in a measurement of costs, or fewer where there are as few."""
DEVELOPMENT_ROWS = 50


class Quality(NamedTuple):
    task: str
    cell: str
    seed: int
    hidden: int
    """Units of the encoder, in each direction."""
    parameters: int
    """But for those of words."""
    metrics: dict[str, float]


class Cost(NamedTuple):
    task: str
    cell: str
    training: float
    """Tokens per second in training, with programs that are compiled already."""
    serving: float
    """Tokens per second in full batches."""
    megabytes: float
    """Largest memory of the process that trains."""


def quality(path: Path, cell: str, seed: int) -> Quality:
    """Train a cell of as many parameters as the LSTM of a recipe has."""
    recipe, task = _with_as_many_parameters(path, cell, seed)
    with tempfile.TemporaryDirectory() as folder:
        info = train(recipe, Path(folder) / "run", resume=False)
    assert info is not None, "there are no other hosts"
    (metrics,) = info.metrics.values()
    return Quality(path.stem, cell, seed, task.config.encoder.hidden, _parameters(task), metrics)


def cost(path: Path, cell: str) -> Cost:
    """Train the same network on a part of the data, and measure the speed."""
    recipe, _ = _with_as_many_parameters(path, cell, seed=0)
    prepared = prepare(recipe)
    few = replace(
        prepared,
        recipe=recipe.model_copy(update={"train": recipe.train.model_copy(update={"epochs": 1})}),
        examples=prepared.examples[:COST_EXAMPLES],
        dev={name: rows[:DEVELOPMENT_ROWS] for name, rows in prepared.dev.items()},
    )
    with tempfile.TemporaryDirectory() as folder:
        params, _ = fit(few, Path(folder))
        logged = read_metrics(Path(folder) / "metrics.jsonl")
    return Cost(
        task=path.stem,
        cell=cell,
        training=max(entry["tokens_per_s"] for entry in logged if "tokens_per_s" in entry),
        serving=measure(Predictor(prepared.task, params))["tokens_per_second"],
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _with_as_many_parameters(path: Path, cell: str, seed: int) -> tuple[Recipe, Task]:
    recipe = load_recipe(str(path), [f"train.seed={seed}"])
    rows = rows_of(load_sets(recipe.data, recipe.task, Findings())["train"])
    task = TASKS[recipe.task].fit(recipe.model, fit_tokenizer(recipe, rows), recipe.limits, rows)
    model = _as_large(task, cell_choice(cell, **OPTIONS.get(cell, {})))
    changes = {part: getattr(model, part) for part in PARTS if hasattr(model, part)}
    recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update=changes)})
    return recipe, replace(task, config=model)


def _as_large(task: Task, cell: CellChoice) -> Any:
    """The config with this cell, of such a width that it has as many parameters as before. Raises
    UserError if no width comes within a tenth."""
    wanted = _parameters(task)

    def parameters(width: int) -> int:
        """Of the network with this width; 0 for a width that the cell cannot have."""
        try:
            return _parameters(replace(task, config=_with_cell(task, cell, width)))
        except ValueError:
            return 0

    below = 0
    while parameters(below + DIVISIBLE) < wanted:
        below += DIVISIBLE
    widths = range(max(below, 1), below + DIVISIBLE + 1)
    best = min(widths, key=lambda width: abs(parameters(width) - wanted))
    if abs(parameters(best) - wanted) > wanted / 10:
        raise UserError(f"{cell.kind}: with {best} units it has {parameters(best)} parameters")
    return _with_cell(task, cell, best)


def _with_cell(task: Task, cell: CellChoice, width: int) -> Any:
    """The config with encoder of this width, and a decoder in proportion."""
    encoder = task.config.encoder
    changes = {"encoder": encoder.model_copy(update={"cell": cell, "hidden": width})}
    decoder = getattr(task.config, "decoder", None)
    if decoder is not None:
        hidden = width * decoder.hidden // encoder.hidden
        changes["decoder"] = decoder.model_copy(update={"cell": cell, "hidden": hidden})
    return task.config.model_copy(update=changes)


def _parameters(task: Task) -> int:
    _, shapes = task.structure
    return sum(leaf.size for name, leaf in shapes.items() if not name.startswith(WORDS))
