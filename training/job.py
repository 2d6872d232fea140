"""A training run from its recipe to its bundle and report, in one directory.

recipe.toml     the resolved recipe, written once the data is accepted
data.json       the check of the data
checkpoints/    the two newest, for --resume
metrics.jsonl   losses and development metrics by step; events/ has the same for TensorBoard
bundle/         the model
report.md       the data, curves, confusion matrix, the worst mistakes
"""

import sys
from collections.abc import Callable
from pathlib import Path

import jax

from textrnn.bundle import BundleInfo
from textrnn.config import read_toml
from textrnn.errors import UserError
from textrnn.io.files import write_atomically
from training.evaluate import evaluate
from training.export import finish
from training.hosts import is_first, wait_for_all
from training.recipe import Recipe
from training.report import write_report
from training.shards import shards_of
from training.train import Evaluation, fit, prepare


def run(
    recipe: Recipe,
    directory: Path,
    resume: bool,
    evaluated: Callable[[Evaluation], None] | None = None,
) -> BundleInfo | None:
    """Train a model, or resume training, and export it. `evaluated` is called after each
    evaluation. Raises UserError.

    Of several hosts, all of which share the directory, the first one exports it; the others return
    None.
    """
    begun = _begun(directory)
    recipe = _with_shards(recipe, begun)
    _check_unclaimed(recipe, begun, directory, resume)
    shards_of(recipe.train)  # an error comes before the data is read
    wait_for_all("begin")  # before the first one writes the recipe
    if is_first():
        print(f"{recipe.name}: reading and checking the data", file=sys.stderr, flush=True)
    prepared = prepare(recipe)
    if is_first():
        print(f"\n{prepared.report.as_text()}\n", file=sys.stderr, flush=True)
        directory.mkdir(parents=True, exist_ok=True)
        write_atomically(directory / "recipe.toml", recipe.to_toml())
        write_atomically(directory / "data.json", prepared.report.to_json())
    wait_for_all("data")
    if not (directory / "recipe.toml").exists():
        raise UserError(
            f"{directory}: host 0 wrote to it, but the files are not here; let --output be on a "
            "file system that all hosts share"
        )
    params, seconds = fit(prepared, directory, evaluated)
    if not is_first():
        return None
    info, predictor = finish(prepared, params, seconds, directory / "bundle")
    answers = {name: evaluate(predictor, rows)[1] for name, rows in prepared.dev.items()}
    write_report(directory, info, prepared.dev, answers, prepared.report)
    return info


def _with_shards(recipe: Recipe, begun: Recipe | None) -> Recipe:
    """With a shard for each device, unless the recipe says how many there are, or the run has been
    begun with others."""
    if recipe.train.shards is not None:
        return recipe
    devices = recipe.train.devices * jax.process_count()
    shards = begun.train.shards if begun else devices if devices > 1 else None
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"shards": shards})})


def _begun(directory: Path) -> Recipe | None:
    """The recipe of the run in the directory."""
    path = directory / "recipe.toml"
    return Recipe.parse(read_toml(path), source=str(path)) if path.exists() else None


def _check_unclaimed(recipe: Recipe, begun: Recipe | None, directory: Path, resume: bool) -> None:
    """Raises UserError if another run uses the directory. A run may go on with other devices."""
    if begun is None:
        return
    if not resume:
        raise UserError(
            f"{directory}: contains a run; continue it with --resume or choose another --output"
        )
    devices = {"devices": recipe.train.devices}
    if begun.model_copy(update={"train": begun.train.model_copy(update=devices)}) != recipe:
        raise UserError(
            f"{directory / 'recipe.toml'}: differs from this recipe; resume with the same recipe "
            "and overrides"
        )
