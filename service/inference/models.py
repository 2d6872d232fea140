"""The models that a server holds, and how they become ready."""

import json
import math
import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn import bundle
from textrnn.batching import Buckets, Shape
from textrnn.errors import UserError
from textrnn.predictor import Predictor

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class ServedModel:
    """One model as it is served."""

    info: bundle.BundleInfo
    predictor: Predictor
    probes: tuple[bundle.Probe, ...]
    directory: Path
    created: int
    """When the bundle was written, in seconds since 1970."""

    @property
    def name(self) -> str:
        return self.info.name

    def make_ready(self) -> None:
        """Compile what any request can be answered with, then answer the probe.

        Raises UserError where an answer is not what it was when the model was saved.
        """
        for shape in first_shapes(self.predictor.task.buckets):
            self.predictor.warm(shape)
        options = self.predictor.task.options_type()
        for probe in self.probes:
            example = self.predictor.task.read(probe.row, options)
            (answer,) = self.predictor.answer([example], compiled_only=True)
            if not same(probe.answer, answer):
                raise UserError(
                    f"{self.directory}: the model does not answer its probe as when it was saved: "
                    f"expected {json.dumps(probe.answer)[:200]}, found {json.dumps(answer)[:200]}"
                )


def load(names: Iterable[str]) -> dict[str, ServedModel]:
    """Models by name. Raises UserError for one that cannot be loaded, or served as it is named."""
    models: dict[str, ServedModel] = {}
    for name in names or bundle.shipped():
        served = load_one(name)
        if served.name in models:
            other = models[served.name].directory
            raise UserError(f"two models are named {served.name!r}: {other}, {served.directory}")
        models[served.name] = served
    if not models:
        raise UserError("there is no model to serve; name a bundle's directory with --models")
    return models


def load_one(name: str) -> ServedModel:
    directory = bundle.find_bundle(name)
    loaded = bundle.load_bundle(directory)
    if not NAME.fullmatch(loaded.info.name):
        raise UserError(f"{directory}: a model cannot be served by the name {loaded.info.name!r}")
    created = int((directory / "bundle.json").stat().st_mtime)
    predictor = Predictor(loaded.task, loaded.params)
    return ServedModel(loaded.info, predictor, tuple(loaded.probes), directory, created)


def make_all_ready(models: Iterable[ServedModel]) -> Iterator[tuple[ServedModel, float]]:
    """Make models ready side by side; gives each, with the seconds it took, as it is done."""

    def timed(served: ServedModel) -> tuple[ServedModel, float]:
        began = time.monotonic()
        served.make_ready()
        return served, time.monotonic() - began

    with ThreadPoolExecutor() as pool:
        yield from pool.map(timed, models)


def first_shapes(buckets: Buckets) -> list[Shape]:
    """The fewest shapes into which every row fits, and which are not wasteful of short ones: some
    texts; and where the longest text is much longer than most, one text and the longest too."""
    widest = buckets.widths[-1]
    shapes = [shape for shape in buckets.shapes() if shape.width == widest]
    # Where the longest is short, shorter ones are not worth another program to wait for.
    short = [s for s in shapes if s.length >= (64 if buckets.limit > 128 else buckets.limit)]
    one = next(s for s in short if s.rows == 1)
    some = max(s for s in short if s.length == one.length and s.rows <= 16)
    longest = Shape(1, buckets.limit, widest)
    return [some] if some.length == buckets.limit else sorted({one, some, longest})


def same(expected: Any, found: Any) -> bool:
    """Whether two answers agree: numbers to a thousandth, all else exactly."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(same(expected[k], found[k]) for k in found)
    if isinstance(expected, list) and isinstance(found, list):
        pairs = zip(expected, found, strict=False)
        return len(expected) == len(found) and all(same(a, b) for a, b in pairs)
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, rel_tol=1e-3, abs_tol=1e-3)
    return expected == found
