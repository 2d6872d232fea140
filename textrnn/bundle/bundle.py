"""Bundles: a saved model as a directory.

    bundle.json           task, config, labels, metrics, provenance, digests of the other files
    weights.safetensors   the parameters
    tokenizer/            the vocabulary
    probe.json            rows with recorded answers
    README.md             the model card, rendered from bundle.json

Loading checks that every file is named with its digest and is a plain file inside the directory,
that parameter names, shapes and types are those of the model, before memory is allocated for it,
and that all values are finite. Nothing is pickled.
"""

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveInt

from textrnn.batching import Limits
from textrnn.bundle import weights
from textrnn.bundle.model_card import render_card
from textrnn.config import Config
from textrnn.errors import BundleError, UserError
from textrnn.io.files import digest, replace_directory, set_aside
from textrnn.parameters import Params
from textrnn.tasks import TASKS, Task
from textrnn.text import load_tokenizer, save_tokenizer

FORMAT = 2
SHIPPED = Path(__file__).parents[1] / "pretrained"
"""The directory of the models that come with the package."""
REQUIRED = ("weights.safetensors", "probe.json")
"""The files that every bundle has, besides bundle.json and those of its tokenizer."""
LARGEST = Limits(length=2**20, rows=2**16, tokens=2**22, width=2**10)
"""The largest limits of a bundle: batches of that size are allocated before the first text."""
_LONGEST_JSON = 64 * 2**20
"""Bytes."""
_DEEPEST_JSON = 32
"""Levels. What Python can parse is deeper than what it can write again."""
FIRST = ("sentiment-en", "ner-en", "translate-en-de", "shakespeare")
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

    Raises BundleError, which lists all damaged files or all wrong parameters at once, and UserError
    if there is no such directory.
    """
    directory = find_bundle(name)
    try:
        return _load(directory)
    except RecursionError:
        raise BundleError(f"{directory}: a JSON file of the bundle is nested too deeply") from None
    except UserError as error:
        raise BundleError(str(error)) from None


def _load(directory: Path) -> Bundle:
    info = read_info(directory)
    defects = _damaged_files(directory, info)
    if defects:
        raise BundleError(
            f"{directory}: the bundle is damaged: {'; '.join(defects)}; copy it again from where "
            "it was saved, or train it again"
        )
    if info.task not in TASKS:
        raise BundleError(f"{directory}: unknown task {info.task!r}; known: {', '.join(TASKS)}")
    kind = TASKS[info.task]
    config = kind.config_type.parse(info.config, source=f"{directory / 'bundle.json'}: config")
    task = kind(config, load_tokenizer(info.tokenizer, directory / "tokenizer"), info.limits)
    shapes = _shapes(task, directory)
    try:
        arrays = weights.read_weights(directory / "weights.safetensors", shapes, info.storage)
    except ValueError as error:
        raise BundleError(f"{directory}: the weights are not those of the model: {error}") from None
    return Bundle(info, task, jax.device_put(arrays), _read_probes(directory / "probe.json"))


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
        save_tokenizer(task.tokenizer, partial / "tokenizer")
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
    if not directory.is_dir() and set_aside(directory).is_dir():
        return set_aside(directory)  # saving a new one was interrupted
    if not directory.is_dir():
        known = ", ".join(shipped()) or "none"
        raise UserError(
            f"no model {str(name)!r}; give the directory of a bundle or one of: {known}"
        )
    return directory


def read_info(directory: Path) -> BundleInfo:
    """The metadata of a bundle, without its weights. Raises UserError."""
    path = directory / "bundle.json"
    if not path.exists():
        raise BundleError(f"{directory}: is not a bundle: bundle.json is missing")
    data = _read_json(path)
    version = data.get("format") if isinstance(data, dict) else None
    if version == 1:
        data = _from_format_1(data, path)
    elif version != FORMAT:
        raise BundleError(
            f"{path}: has bundle format {version!r}, but this version reads format {FORMAT}; "
            "install the version of textrnn that wrote it, or retrain the model"
        )
    info = BundleInfo.parse(data, source=str(path))
    for name, largest in LARGEST.model_dump().items():
        if getattr(info.limits, name) > largest:
            raise BundleError(
                f"{path}: limits.{name} is {getattr(info.limits, name)}, the largest is {largest}; "
                "train the model again with lower limits"
            )
    return info


def _read_json(path: Path) -> Any:
    """The content of a JSON file. Raises BundleError."""
    if not path.is_file():
        raise BundleError(f"{path}: is not a plain file")
    try:
        if path.stat().st_size > _LONGEST_JSON:
            raise BundleError(f"{path}: is longer than {_LONGEST_JSON} bytes")
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: is not JSON: {error}") from None
    nodes = [data]
    for _ in range(_DEEPEST_JSON):
        nodes = [child for node in nodes for child in _children(node)]
    if nodes:
        raise BundleError(f"{path}: is nested more than {_DEEPEST_JSON} levels deep")
    return data


def _children(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _read_probes(path: Path) -> list[Probe]:
    try:
        probes = [Probe(**probe) for probe in _read_json(path)]
    except TypeError:
        raise BundleError(f"{path}: must be a list of objects with row and answer") from None
    for probe in probes:
        if not isinstance(probe.row, dict):
            raise BundleError(f"{path}: the row of a probe must be an object, found {probe.row!r}")
    return probes


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
    """What is wrong with the files of a bundle, and which of those that are read have no digest."""
    tokenizer = {f"tokenizer/{path.name}" for path in (directory / "tokenizer").glob("*")}
    defects = [
        f"{name} has no digest in bundle.json"
        for name in sorted(tokenizer.union(REQUIRED) - set(info.files))
    ]
    for name, expected in info.files.items():
        path = directory / name
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            defects.append(f"{name} is outside of the bundle")
        elif not path.exists():
            defects.append(f"{name} is missing")
        elif not path.is_file():
            defects.append(f"{name} is not a plain file")
        elif digest(path) != expected:
            defects.append(f"{name} differs from the saved file (SHA-256)")
    return defects


def _shapes(task: Task, directory: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each parameter of the model, which is not built. Raises BundleError."""
    try:
        return {name: leaf.shape for name, leaf in task.structure[1].items()}
    except (ValueError, TypeError, ArithmeticError, MemoryError) as error:
        raise BundleError(
            f"{directory / 'bundle.json'}: no model can be built from this config: {error}"
        ) from None


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())
