"""A training run from its recipe to its bundle and report, in one directory.

recipe.toml     the resolved recipe, written once the data is accepted
data.json       the check of the data
checkpoints/    the two newest, for --resume
metrics.jsonl   losses and development metrics by step; events/ has the same for TensorBoard
bundle/         the model
report.md       the data, curves, confusion matrix, the worst mistakes
"""

import sys
from pathlib import Path

from textrnn.bundle import BundleInfo
from textrnn.config import read_toml
from textrnn.errors import UserError
from textrnn.io.files import write_atomically
from training.evaluate import evaluate
from training.export import finish
from training.recipe import Recipe
from training.report import write_report
from training.train import fit, prepare


def run(recipe: Recipe, directory: Path, resume: bool) -> BundleInfo:
    """Train a model, or resume training, and export it. Raises UserError."""
    _check_unclaimed(recipe, directory, resume)
    print(f"{recipe.name}: reading and checking the data", file=sys.stderr, flush=True)
    prepared = prepare(recipe)
    print(f"\n{prepared.report.as_text()}\n", file=sys.stderr, flush=True)
    directory.mkdir(parents=True, exist_ok=True)
    write_atomically(directory / "recipe.toml", recipe.to_toml())
    write_atomically(directory / "data.json", prepared.report.to_json())
    params, seconds = fit(prepared, directory)
    info, predictor = finish(prepared, params, seconds, directory / "bundle")
    answers = {name: evaluate(predictor, rows)[1] for name, rows in prepared.dev.items()}
    write_report(directory, info, prepared.dev, answers, prepared.report)
    return info


def _check_unclaimed(recipe: Recipe, directory: Path, resume: bool) -> None:
    """Raises UserError if another run uses the directory."""
    path = directory / "recipe.toml"
    if path.exists():
        if not resume:
            raise UserError(
                f"{directory}: contains a run; continue it with --resume or choose another --output"
            )
        if Recipe.parse(read_toml(path), source=str(path)) != recipe:
            raise UserError(
                f"{path}: differs from this recipe; resume with the same recipe and overrides"
            )
