"""Models as a server holds them: loading, and making ready."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from textrnn import bundle
from textrnn.errors import UserError
from textrnn.predictor import Predictor
from textrnn.program_cache import ProgramCache
from textrnn.tasks import TASKS

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class ServedModel:
    """A loaded model: its metadata, its predictor and its probes."""

    info: bundle.BundleInfo
    predictor: Predictor
    probes: tuple[bundle.Probe, ...]
    directory: Path
    created: int
    """When the bundle was written, in seconds since 1970."""

    @cached_property
    def name(self) -> str:
        return self.info.name

    def matches(self, task: str, name: str | None, languages: Sequence[str | None]) -> bool:
        """Whether it has this task, this name and these languages, where None matches any."""
        info = self.info
        return (
            info.task == task
            and name in (None, info.name)
            and all(map(_matches, languages, info.languages))
        )

    def make_ready(self, programs: ProgramCache | None = None) -> None:
        """Compile the programs of all shapes, or take them from `programs`, then answer the probes.

        Raises UserError if an answer differs from the one recorded when the model was saved.
        """
        self.predictor.compile(programs)
        options = self.predictor.task.options_type()
        for probe in self.probes:
            example = self.predictor.task.read(probe.row, options)
            (answer,) = self.predictor.answer([example])
            if not same(probe.answer, answer):
                raise UserError(
                    f"{self.directory}: the answer to a probe differs from the one recorded when "
                    f"the model was saved: expected {json.dumps(probe.answer)[:200]}, "
                    f"found {json.dumps(answer)[:200]}"
                )


def _matches(requested: str | None, language: str) -> bool:
    return requested in (None, language)


def load_models(names: Iterable[str]) -> dict[str, ServedModel]:
    """Models by name, from bundle directories or names of shipped models; all shipped ones that
    answer requests if there are no names. Raises UserError."""
    with ThreadPoolExecutor() as pool:
        loaded = list(pool.map(load_model, names or _shipped()))
    models: dict[str, ServedModel] = {}
    for served in loaded:
        if served.name in models:
            other = models[served.name].directory
            raise UserError(f"two models are named {served.name!r}: {other}, {served.directory}")
        models[served.name] = served
    if not models:
        raise UserError("there is no model to serve; give a bundle directory with --models")
    return models


def _shipped() -> list[str]:
    infos = {name: bundle.read_info(bundle.SHIPPED / name) for name in bundle.shipped()}
    return [name for name, info in infos.items() if TASKS[info.task].answers_requests]


def load_model(name: str) -> ServedModel:
    """A model that is not ready yet. Raises UserError."""
    directory = bundle.find_bundle(name)
    loaded = bundle.load_bundle(directory)
    if not NAME.fullmatch(loaded.info.name):
        raise UserError(f"{directory}: a model cannot be served by the name {loaded.info.name!r}")
    if not loaded.task.answers_requests:
        raise UserError(
            f"{directory}: has a model of the task {loaded.info.task}, which starts other models "
            "in training and answers no requests; serve a model that was trained from it"
        )
    created = int((directory / "bundle.json").stat().st_mtime)
    predictor = Predictor(loaded.task, loaded.params)
    return ServedModel(loaded.info, predictor, tuple(loaded.probes), directory, created)


def same(expected: Any, found: Any) -> bool:
    """Whether two answers are equal: floats to a thousandth, other values exactly."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(same(expected[k], found[k]) for k in found)
    if isinstance(expected, list) and isinstance(found, list):
        pairs = zip(expected, found, strict=False)
        return len(expected) == len(found) and all(same(a, b) for a, b in pairs)
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, rel_tol=1e-3, abs_tol=1e-3)
    return expected == found
