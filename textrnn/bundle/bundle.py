"""Bundles: a saved model as a directory.

    bundle.json           task, config, labels, metrics, provenance, digests of the other files
    weights.safetensors   the parameters
    tokenizer/            the vocabulary
    probe.json            rows with recorded answers
    README.md             the model card, rendered from bundle.json

Loading checks digests, parameter names, shapes, types and that all values are finite. Nothing is
pickled.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveInt

from textrnn.batching import Limits
from textrnn.bundle import weights
from textrnn.bundle.model_card import render_card
from textrnn.config import Config
from textrnn.errors import UserError
from textrnn.io.files import digest, replace_directory
from textrnn.parameters import Params
from textrnn.tasks import TASKS, Task
from textrnn.text import load_tokenizer

FORMAT = 2
SHIPPED = Path(__file__).parents[1] / "pretrained"
"""The directory of the models that come with the package."""
FIRST = ("sentiment-en", "ner-en", "translate-en-de")
"""Shipped models that are listed first, and therefore are the default of their task."""


class DataSource(Config):
    """A data set that a model was trained on."""

    name: str
    licence: str


class Provenance(Config):
    """How a model was trained."""

    recipe: dict[str, Any]
    """The resolved recipe, which reproduces the model."""
    data: tuple[DataSource, ...]
    fingerprints: dict[str, str]
    """The SHA-256 of each file of training and development data."""
    rows: dict[str, PositiveInt]
    """Rows by split: `train`, and each development set."""
    versions: dict[str, str]
    device: str
    seconds: NonNegativeFloat
    """Duration of training."""


class BundleInfo(Config):
    """The content of bundle.json. Every key is required."""

    format: Literal[2]
    name: str
    description: str
    task: str
    languages: tuple[str, ...]
    licence: str
    config: dict[str, Any]
    tokenizer: str
    limits: Limits
    storage: weights.Storage
    parameters: PositiveInt
    metrics: dict[str, dict[str, float]]
    """By development set; measured with the weights as stored."""
    speed: dict[str, float]
    """Measured when the model was saved, by training/speed.py; empty if not measured."""
    training: Provenance
    files: dict[str, str]
    """The SHA-256 of each other file of the bundle."""


class Probe(NamedTuple):
    """A row, and the answer of the model at the time it was saved."""

    row: dict[str, Any]
    answer: Any


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle."""

    info: BundleInfo
    task: Task
    params: Params
    probes: Sequence[Probe]


def load_bundle(name: str | Path) -> Bundle:
    """Load a shipped model by name, or the bundle in a directory.

    Raises UserError, which lists all defects at once.
    """
    directory = find_bundle(name)
    info = _read_info(directory)
    defects = _damaged_files(directory, info)
    if defects:
        raise UserError(f"{directory}: the bundle is damaged: {'; '.join(defects)}")
    if info.task not in TASKS:
        raise UserError(f"{directory}: unknown task {info.task!r}; known: {', '.join(TASKS)}")
    kind = TASKS[info.task]
    config = kind.config_type.parse(info.config, source=f"{directory / 'bundle.json'}: config")
    task = kind(config, load_tokenizer(info.tokenizer, directory / "tokenizer"), info.limits)
    _, expected = task.structure
    shapes = {name: leaf.shape for name, leaf in expected.items()}
    try:
        arrays = weights.read_weights(directory / "weights.safetensors", shapes, info.storage)
        probes = [Probe(**probe) for probe in json.loads((directory / "probe.json").read_text())]
    except (ValueError, TypeError) as error:
        raise UserError(f"{directory}: {error}") from None
    return Bundle(info, task, jax.device_put(arrays), probes)


def save_bundle(
    directory: Path, info: BundleInfo, task: Task, params: Params, probes: Sequence[Probe]
) -> BundleInfo:
    """Write a bundle atomically, and return its info with the digests of its files.

    An existing bundle is replaced. Raises UserError if the bundle cannot be written.
    """
    partial = directory.with_name(f".{directory.name}.partial")
    try:
        if partial.exists():
            shutil.rmtree(partial)
        (partial / "tokenizer").mkdir(parents=True)
        task.tokenizer.save(partial / "tokenizer")
        arrays = {name: np.asarray(array) for name, array in params.items()}
        weights.write_weights(partial / "weights.safetensors", weights.pack(arrays, info.storage))
        records = [probe._asdict() for probe in probes]
        probe_json = json.dumps(records, ensure_ascii=False, indent=1)
        (partial / "probe.json").write_text(probe_json, encoding="utf-8")
        files = {str(path.relative_to(partial)): digest(path) for path in _files(partial)}
        info = info.model_copy(update={"files": files})
        (partial / "bundle.json").write_text(info.to_json(), encoding="utf-8")
        size = sum(path.stat().st_size for path in _files(partial))
        card = render_card(info.model_dump(mode="json"), size)
        (partial / "README.md").write_text(card, encoding="utf-8")
        replace_directory(partial, directory)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise UserError(f"{directory}: the bundle cannot be saved: {error.strerror}") from None
    return info


def as_stored(params: Params, storage: weights.Storage) -> Params:
    """The parameters after a round trip through a bundle of this storage type."""
    arrays = {name: np.asarray(array) for name, array in params.items()}
    return jax.device_put(weights.unpack(weights.pack(arrays, storage)))


def shipped() -> list[str]:
    """The names of the models that come with the package, the default of each task first."""
    names = [path.parent.name for path in SHIPPED.glob("*/bundle.json")]
    return [name for name in FIRST if name in names] + sorted(set(names) - set(FIRST))


def find_bundle(name: str | Path) -> Path:
    """The directory of a shipped model by name, or the given directory. Raises UserError."""
    if str(name) in shipped():
        return SHIPPED / name
    directory = Path(name)
    if not directory.is_dir():
        known = ", ".join(shipped()) or "none"
        raise UserError(
            f"no model {str(name)!r}; give the directory of a bundle or one of: {known}"
        )
    return directory


def _read_info(directory: Path) -> BundleInfo:
    path = directory / "bundle.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{directory}: is not a bundle: bundle.json is missing") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is not JSON: {error}") from None
    version = data.get("format") if isinstance(data, dict) else None
    if version == 1:
        data = _from_format_1(data, path)
    elif version != FORMAT:
        raise UserError(
            f"{path}: has bundle format {version!r}, but this version reads format {FORMAT}; "
            "install the version of textrnn that wrote it, or retrain the model"
        )
    return BundleInfo.parse(data, source=str(path))


class _Buckets(Config):
    """The shapes of batches in format 1: a grid of padded lengths and beam widths."""

    lengths: tuple[PositiveInt, ...] = Field(min_length=1)
    rows: PositiveInt
    tokens: PositiveInt
    widths: tuple[PositiveInt, ...] = Field(min_length=1)


def _from_format_1(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """The content of a bundle.json of format 1. The largest length and width are limits now."""
    buckets = _Buckets.parse(data.get("buckets", {}), source=f"{path}: buckets")
    limits = {
        "length": buckets.lengths[-1], "rows": buckets.rows,
        "tokens": buckets.tokens, "width": buckets.widths[-1],
    }  # fmt: skip
    rest = {name: value for name, value in data.items() if name != "buckets"}
    return rest | {"format": FORMAT, "limits": limits}


def _damaged_files(directory: Path, info: BundleInfo) -> list[str]:
    defects = []
    for name, expected in info.files.items():
        path = directory / name
        if not path.is_file():
            defects.append(f"{name} is missing")
        elif digest(path) != expected:
            defects.append(f"{name} differs from the saved file (SHA-256)")
    return defects


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())
