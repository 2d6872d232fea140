"""Compression of a trained model: its projection, fine-tuning, and what both cost.

projected/   the model with projected cells, as it is before fine-tuning
bundle/      the model, fine-tuned if there is a recipe; beside it is what a training run has
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textrnn.bundle import (
    Bundle,
    BundleInfo,
    Probe,
    as_stored,
    find_bundle,
    load_bundle,
    save_bundle,
)
from textrnn.config import override
from textrnn.errors import UserError
from textrnn.parameters import Params, count_parameters
from textrnn.predictor import Predictor
from textrnn.tasks import Batch, Example, Metrics, Row, StreamTask, Task
from textrnn.text import PAD
from training.data_check import training_task
from training.epochs import Epochs
from training.evaluate import calibrate, read_sets
from training.job import run
from training.projection import Rank, check_compressible, parts_of, project, second_moments
from training.recipe import Recipe, TrainConfig, is_recipe, load_recipe
from training.speed import measure
from training.train import prepare
from training.truncated_bptt import Streams

TOKENS = 2**18
"""Of the text whose components are taken, at most."""
_BATCHES = TrainConfig()


class Measured(NamedTuple):
    """A model before or after compression."""

    parameters: int
    bytes: int
    """Size of the weights file."""
    tokens_per_second: float
    metrics: dict[str, Metrics]
    """By development set."""


def compress(
    model: str, data: str, rank: Rank, directory: Path, assignments: Sequence[str] = ()
) -> dict[str, Measured]:
    """Compress a model on the text of a labelled file, or of the training rows of a recipe.

    A recipe also fine-tunes it, unless it has no epochs. Returns what was measured before,
    projected and fine-tuned: on the development sets of the recipe, or on the file. Raises
    UserError before anything is computed if the model, the rank, the data or the directory does
    not fit.
    """
    bundle = load_bundle(model)
    check_compressible(bundle.task, rank)
    for name in ("recipe.toml", "projected", "bundle"):
        if (directory / name).exists():
            raise UserError(f"{directory}: has a {name} already; choose another --output")
    if is_recipe(data):
        recipe = load_recipe(data, [*assignments, *_start(model)])
        if recipe.task != bundle.info.task:
            raise UserError(f"{model} is for {bundle.info.task}, and {data} for {recipe.task}")
        prepared = prepare(recipe)
        _check_sizes(bundle.task, prepared.task, data)
        dev, examples = prepared.dev, prepared.examples
    elif assignments:
        raise UserError(f"{data} is not a recipe, which {assignments[0]!r} could change")
    else:
        recipe, dev = None, read_sets(bundle.task, data, {})
        examples = _read(bundle.task, [row for rows in dev.values() for row in rows])
    batches = _batches(bundle.task, examples, _BATCHES if recipe is None else recipe.train)
    moments = second_moments(bundle.task, bundle.params, batches)
    task, params = project(bundle.task, bundle.params, moments, rank)
    tuned = recipe if recipe is not None and recipe.train.epochs else None
    projected = directory / ("bundle" if tuned is None else "projected")
    directory.mkdir(parents=True, exist_ok=True)
    notes = _notes(bundle, data, task)
    measured = {
        "before": _figures(_measured(bundle.info, bundle.task, bundle.params, dev)[1], model),
        "projected": _figures(_save(bundle, task, params, dev, notes, projected), projected),
    }
    if tuned is not None:
        info = run(_fine_tuning(tuned, task, notes, projected), directory, resume=False)
        assert info is not None, "there are no other hosts"
        measured["fine-tuned"] = _figures(info, directory / "bundle")
    return measured


def as_table(measured: Mapping[str, Measured]) -> list[list[str]]:
    """The figures of each model as columns."""
    models = list(measured.values())
    rows = [
        ["", *measured],
        ["parameters", *(f"{model.parameters:,}" for model in models)],
        ["weights, MB", *(f"{model.bytes / 1e6:.2f}" for model in models)],
        ["tokens/s", *(f"{model.tokens_per_second:,.0f}" for model in models)],
    ]
    names = [(name, metric) for name, found in models[0].metrics.items() for metric in found]
    return rows + [
        [f"{name}.{metric}", *(f"{model.metrics[name][metric]:.4f}" for model in models)]
        for name, metric in names
    ]


def _start(model: str | Path) -> list[str]:
    """Settings of a recipe that begins with all weights of a model."""
    return [f"start.bundle={json.dumps(str(model))}", 'start.parameters=[""]', "start.words=0"]


def _read(task: Task, rows: Sequence[Row]) -> list[Example]:
    task, options = training_task(task, _BATCHES), task.options_type(truncate=True)
    return [task.read(row, options, gold=True) for row in rows]


def _check_sizes(task: Task, other: Task, recipe: str) -> None:
    """Raises UserError if a recipe describes a network of other sizes than a model has."""
    here, there = task.structure[1], other.structure[1]
    for name in sorted(set(here) | set(there)):
        found, expected = (
            str(list(shapes[name].shape)) if name in shapes else "nothing"
            for shapes in (there, here)
        )
        if found != expected:
            raise UserError(
                f"{recipe}: has {found} for {name}, the model {expected}; give the recipe that the "
                "model was trained with, or a file with gold labels"
            )


def _batches(task: Task, examples: Sequence[Example], config: TrainConfig) -> Iterator[Batch]:
    """Batches of the examples, until they have enough tokens."""
    task = training_task(task, config)
    epochs: Any
    if isinstance(task, StreamTask):
        epochs = Streams(np.concatenate([example.ids for example in examples]), config)
    else:
        windows = [window for example in examples for window in example.windows]
        epochs = Epochs(windows, task.collate, config)
    tokens = 0
    shards = range(config.shards or 1)
    for group, shard in product(epochs.batches(0), shards):
        batch = epochs.collate(group, shard)
        yield batch
        tokens += int((batch["ids"] != PAD).sum())
        if tokens >= TOKENS:
            return


def _save(
    bundle: Bundle,
    task: Task,
    params: Params,
    dev: Mapping[str, Sequence[Row]],
    notes: str,
    directory: Path,
) -> BundleInfo:
    """Save a projected model, calibrated and measured as it is stored."""
    stored = as_stored(params, bundle.info.storage)
    predictor, info = _measured(bundle.info, task, stored, dev)
    task = predictor.task
    rows = [probe.row for probe in bundle.probes]
    answers = predictor.predict_rows(rows)
    config = task.config.model_dump(mode="json")
    recipe = info.training.recipe
    parts = {part: config[part] for part in parts_of(task.config)}
    recipe = recipe | {"notes": notes, "model": recipe["model"] | parts}
    counts = {"train": info.training.rows["train"], **{name: len(dev[name]) for name in dev}}
    training = info.training.model_copy(update={"recipe": recipe, "rows": counts})
    info = info.model_copy(update={"config": config, "training": training})
    probes = [Probe(row, answer) for row, answer in zip(rows, answers, strict=True)]
    return save_bundle(directory, info, task, params, probes)


def _fine_tuning(recipe: Recipe, task: Task, notes: str, projected: Path) -> Recipe:
    """The recipe with the cells and the weights of the projected model."""
    parts = {
        part: config.model_copy(update={"cell": getattr(task.config, part).cell})
        for part, config in parts_of(recipe.model).items()
    }
    changes = {"model": recipe.model.model_copy(update=parts), "notes": notes}
    changed = recipe.model_copy(update=changes).model_dump(mode="json", exclude_none=True)
    return Recipe.parse(override(changed, _start(projected)), source=recipe.name)


def _measured(
    info: BundleInfo, task: Task, params: Params, dev: Mapping[str, Sequence[Row]]
) -> tuple[Predictor, BundleInfo]:
    """A calibrated predictor, and the info with its size, metrics and speed."""
    predictor = Predictor(task, params)
    task, metrics = calibrate(predictor, dev, thorough=True)
    predictor = predictor.recalibrated(task)
    figures = {
        "parameters": count_parameters(params),
        "metrics": metrics,
        "speed": measure(predictor),
    }
    return predictor, info.model_copy(update=figures)


def _figures(info: BundleInfo, model: str | Path) -> Measured:
    size = (find_bundle(model) / "weights.safetensors").stat().st_size
    return Measured(info.parameters, size, info.speed["tokens_per_second"], info.metrics)


def _notes(bundle: Bundle, data: str, task: Task) -> str:
    """The notes of the model, and how it was compressed."""
    cells = " and ".join(
        f"{config.cell.options.input_rank} and {config.cell.options.recurrent_rank} in the {part}"
        for part, config in parts_of(task.config).items()
    )
    notes = bundle.info.training.recipe.get("notes", "")
    return (
        f"{notes}\n\nCompressed from {bundle.info.name} by the principal components of its "
        f"pre-activations on {Path(data).name}; input and recurrent rank: {cells}."
    ).strip()
