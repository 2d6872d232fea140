"""One cell on one task."""

import resource
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from textrnn.errors import UserError
from textrnn.layers.cells.choice import CellChoice, cell_choice
from textrnn.tasks import TASKS, Task
from training.datasets import load_sets, rows_of
from training.findings import Findings
from training.job import run as train
from training.recipe import load_recipe
from training.warm_start import fit_tokenizer

OPTIONS: dict[str, dict[str, Any]] = {"projected_lstm": {"input_rank": 32, "recurrent_rank": 32}}
"""Options other than the defaults, for which the networks are too small."""
DIVISIBLE = 12
"""Every cell can have such a multiple of units."""
PARTS = ("encoder", "decoder")
WORDS = ("embedding", "characters", "casing")
"""Parameters of words, which all networks have alike."""


class Result(NamedTuple):
    task: str
    cell: str
    seed: int
    hidden: int
    """Units of the encoder, in each direction."""
    parameters: int
    """But for those of words."""
    metrics: dict[str, float]
    seconds: float
    """Of training, with evaluation."""
    tokens_per_second: float
    """In serving."""
    megabytes: float
    """Largest memory of the process."""


def run(path: Path, cell: str, seed: int) -> Result:
    """Train a cell of as many parameters as the LSTM of a recipe has."""
    recipe = load_recipe(str(path), [f"train.seed={seed}"])
    rows = rows_of(load_sets(recipe.data, recipe.task, Findings())["train"])
    task = TASKS[recipe.task].fit(recipe.model, fit_tokenizer(recipe, rows), recipe.limits, rows)
    model = _as_large(task, cell_choice(cell, **OPTIONS.get(cell, {})))
    recipe = recipe.model_copy(
        update={
            "model": recipe.model.model_copy(
                update={part: getattr(model, part) for part in PARTS if hasattr(model, part)}
            )
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        info = train(recipe, Path(folder) / "run", resume=False)
    (metrics,) = info.metrics.values()
    return Result(
        task=path.stem,
        cell=cell,
        seed=seed,
        hidden=model.encoder.hidden,
        parameters=_parameters(replace(task, config=model)),
        metrics=metrics,
        seconds=info.training.seconds,
        tokens_per_second=info.speed["tokens_per_second"],
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


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
