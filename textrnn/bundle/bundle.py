"""A saved model: a directory with all that training and serving share.

    bundle.json           what it is: task, config, labels, metrics, where it comes from, digests
    weights.safetensors   the parameters
    tokenizer/            the vocabulary
    probe.json            texts with recorded answers
    README.md             the model card, rendered from bundle.json

Loading is strict: digests, names, shapes, types, finite values. There is no pickle anywhere.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from pydantic import NonNegativeFloat, PositiveInt

from textrnn.batching import Buckets
from textrnn.bundle import weights
from textrnn.bundle.model_card import render
from textrnn.config import Config
from textrnn.errors import UserError
from textrnn.parameters import Params, structure
from textrnn.tasks import TASKS, Task
from textrnn.text import load_tokenizer

FORMAT = 1
SHIPPED = Path(__file__).parents[1] / "pretrained"
FIRST = ("sentiment-en", "ner-en", "translate-en-de")
"""Shipped models that come before the others, and so are the default of their task."""


class DataSource(Config):
    """A data set that a model was made from."""

    name: str
    licence: str


class Provenance(Config):
    """Where a model comes from."""

    recipe: dict[str, Any]
    """The resolved recipe, from which the model can be made again."""
    data: tuple[DataSource, ...]
    fingerprints: dict[str, str]
    """The SHA-256 of each file of training and development data."""
    rows: dict[str, PositiveInt]
    """Rows by split: `train`, and each development set."""
    versions: dict[str, str]
    device: str
    seconds: NonNegativeFloat
    """How long training took."""


class BundleInfo(Config):
    """bundle.json. Every key is there, or loading says which is not."""

    format: Literal[1]
    name: str
    description: str
    task: str
    languages: tuple[str, ...]
    licence: str
    config: dict[str, Any]
    tokenizer: str
    buckets: Buckets
    storage: weights.Storage
    parameters: PositiveInt
    metrics: dict[str, dict[str, float]]
    """By development set; measured on the weights as they are stored here."""
    speed: dict[str, float]
    """Measured when the model was saved; see training/speed.py. Empty if it was not."""
    training: Provenance
    files: dict[str, str]
    """The SHA-256 of every other file of the bundle."""


class Probe(NamedTuple):
    """A row and the answer that the model gave to it when it was saved."""

    row: dict[str, Any]
    answer: Any


@dataclass(frozen=True)
class Bundle:
    info: BundleInfo
    task: Task
    params: Params
    probes: Sequence[Probe]


def load_bundle(name: str | Path) -> Bundle:
    """The bundle of a shipped name or in a directory. Raises UserError, with all that is wrong."""
    directory = find(name)
    info = _read_info(directory)
    faults = _damaged(directory, info)
    if faults:
        raise UserError(f"{directory}: the bundle is damaged: {'; '.join(faults)}")
    if info.task not in TASKS:
        raise UserError(f"{directory}: unknown task {info.task!r}; known: {', '.join(TASKS)}")
    kind = TASKS[info.task]
    config = kind.config_type.parse(info.config, source=f"{directory / 'bundle.json'}: config")
    task = kind(config, load_tokenizer(info.tokenizer, directory / "tokenizer"), info.buckets)
    _, expected = structure(task.build)
    shapes = {name: leaf.shape for name, leaf in expected.items()}
    try:
        arrays = weights.read(directory / "weights.safetensors", shapes, info.storage)
        probes = [Probe(**probe) for probe in json.loads((directory / "probe.json").read_text())]
    except (ValueError, TypeError) as error:
        raise UserError(f"{directory}: {error}") from None
    return Bundle(info, task, {name: jnp.asarray(a) for name, a in arrays.items()}, probes)


def save_bundle(
    directory: Path, info: BundleInfo, task: Task, params: Params, probes: Sequence[Probe]
) -> BundleInfo:
    """Write a bundle beside its place and then move it there: it is whole, or it is not there.

    The digests in `info.files` are computed here; the info as written is returned. An existing
    bundle is replaced. Raises UserError where it cannot be written.
    """
    partial = directory.with_name(f".{directory.name}.partial")
    try:
        if partial.exists():
            shutil.rmtree(partial)
        (partial / "tokenizer").mkdir(parents=True)
        task.tokenizer.save(partial / "tokenizer")
        arrays = {name: np.asarray(array) for name, array in params.items()}
        weights.write(partial / "weights.safetensors", weights.pack(arrays, info.storage))
        records = [probe._asdict() for probe in probes]
        _write(partial / "probe.json", json.dumps(records, ensure_ascii=False, indent=1))
        files = {str(path.relative_to(partial)): digest(path) for path in _files(partial)}
        info = info.model_copy(update={"files": files})
        _write(partial / "bundle.json", info.to_json())
        size = sum(path.stat().st_size for path in _files(partial))
        _write(partial / "README.md", render(info.model_dump(mode="json"), size))
        for path in [*_files(partial), partial / "tokenizer", partial]:
            _sync(path)
        _replace(partial, directory)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise UserError(f"{directory}: the bundle cannot be saved: {error.strerror}") from None
    return info


def as_stored(params: Params, storage: weights.Storage) -> Params:
    """The parameters as they come back from a bundle of this storage."""
    arrays = {name: np.asarray(array) for name, array in params.items()}
    return {
        name: jnp.asarray(array)
        for name, array in weights.unpack(weights.pack(arrays, storage)).items()
    }


def shipped() -> list[str]:
    """The names of the models that come with the package, the default of each task first."""
    names = [path.parent.name for path in SHIPPED.glob("*/bundle.json")]
    return [name for name in FIRST if name in names] + sorted(set(names) - set(FIRST))


def find(name: str | Path) -> Path:
    """The directory of a shipped model or of a path. Raises UserError."""
    if str(name) in shipped():
        return SHIPPED / name
    directory = Path(name)
    if not directory.is_dir():
        known = ", ".join(shipped()) or "none"
        raise UserError(f"no model {str(name)!r}; give a bundle's directory or one of: {known}")
    return directory


def digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_info(directory: Path) -> BundleInfo:
    path = directory / "bundle.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{directory}: is not a bundle: it has no bundle.json") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is not JSON: {error}") from None
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise UserError(
            f"{path}: is a bundle of format {found!r}, this version reads format {FORMAT}; "
            "install the textrnn that wrote it, or train the model again"
        )
    return BundleInfo.parse(data, source=str(path))


def _damaged(directory: Path, info: BundleInfo) -> list[str]:
    faults = []
    for name, expected in info.files.items():
        path = directory / name
        if not path.is_file():
            faults.append(f"{name} is missing")
        elif digest(path) != expected:
            faults.append(f"{name} is not what was saved (SHA-256 differs)")
    return faults


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(new: Path, place: Path) -> None:
    """Move a directory into place. What was there goes only when the new one stands."""
    old = place.with_name(f".{place.name}.old")
    if old.exists():
        shutil.rmtree(old)
    if place.exists():
        place.rename(old)
    new.rename(place)
    _sync(place.parent)
    if old.exists():
        shutil.rmtree(old)
