"""The cache of compiled programs."""

import gc
import re
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from support.compilations import compilations
from support.paths import ROOT
from textrnn import load, native
from textrnn.predictor import Predictor
from textrnn.program_cache import ProgramCache


@pytest.fixture(autouse=True)
def no_other_cache():
    """A program that JAX has read from its own cache cannot be stored."""
    config: Any = jax.config
    before = config.jax_enable_compilation_cache
    config.update("jax_enable_compilation_cache", False)
    reset_cache()  # JAX looks at the setting only once
    yield
    config.update("jax_enable_compilation_cache", before)
    reset_cache()


@pytest.fixture
def traced(monkeypatch):
    """The number of rows of each batch that a classifier is traced for."""
    kind, rows = type(load(ROOT / "tests/data/bundles/tiny").task), []
    predict = kind.predict

    def counted(self, model, batch):
        rows.append(len(batch["lengths"]))
        return predict(self, model, batch)

    monkeypatch.setattr(kind, "predict", counted)
    return rows


def test_a_second_start_neither_traces_nor_differs(tiny_bundle, tmp_path, traced):
    """Fails if programs are not stored or found, or if a program that was loaded calls kernels that
    nobody registered."""
    first, second = load(tiny_bundle), load(tiny_bundle)
    first.compile(ProgramCache(tmp_path))
    assert len(traced) == len(first.task.shapes())
    second.compile(ProgramCache(tmp_path))
    assert len(traced) == len(first.task.shapes())
    texts = ["a fine film", "an awful plot " * 5]
    assert second.predict(texts) == first.predict(texts)
    assert second.predict("a fine film", explain=True) == first.predict("a fine film", explain=True)


@pytest.mark.parametrize("change", ["config", "limits", "parameters"])
def test_models_of_another_structure_have_programs_of_their_own(tiny_bundle, traced, change):
    """Fails if a model runs the programs of another one: with its limits, or for other arrays."""
    first = load(tiny_bundle)
    task, params = first.task, first.params
    if change == "config":
        task = replace(task, config=task.config.model_copy(update={"multi_label": True}))
    elif change == "limits":
        task = replace(task, limits=task.limits.model_copy(update={"length": 32}))
    else:
        table = jnp.pad(params["embedding.table"], ((0, 1), (0, 0)))  # of a larger vocabulary
        params = params | {"embedding.table": table}
    cache = ProgramCache()
    first.compile(cache)
    count = len(traced)
    Predictor(task, params).compile(cache)
    assert len(traced) == count + len(task.shapes())


def test_models_of_one_structure_share_programs(translate_bundle):
    """Fails if languages or weights belong to the key of a program, so that a server compiles both
    directions of a pair of languages, and all programs of a model that was trained again."""
    first = load(translate_bundle)
    swapped = {"source_language": "de", "target_language": "en"}
    task = replace(first.task, config=first.task.config.model_copy(update=swapped))
    other = Predictor(task, {name: array * 0.5 for name, array in first.params.items()})
    cache = ProgramCache()
    first.compile(cache)
    with compilations() as compiled:
        other.compile(cache)
    assert not compiled
    assert other.predict("one two") != first.predict("one two")


def test_programs_end_with_the_models_that_use_them(tiny_bundle, traced):
    """Fails if a server keeps the programs of models that it has replaced."""
    cache, predictor = ProgramCache(), load(tiny_bundle)
    predictor.compile(cache)
    count = len(traced)
    del predictor
    gc.collect()
    load(tiny_bundle).compile(cache)
    assert len(traced) == 2 * count


@pytest.mark.parametrize("damage", [b"", b"\x80garbage", b"cbuiltins\nexit\n."])
def test_a_damaged_entry_is_replaced(tiny_bundle, tmp_path, traced, damage):
    """Fails if a start after a crash or a full disk fails, or compiles anew each time."""
    load(tiny_bundle).compile(ProgramCache(tmp_path))
    count = len(traced)
    for path in tmp_path.iterdir():
        path.write_bytes(damage)
    load(tiny_bundle).compile(ProgramCache(tmp_path))
    assert len(traced) == 2 * count
    load(tiny_bundle).compile(ProgramCache(tmp_path))
    assert len(traced) == 2 * count


def test_a_folder_that_cannot_be_written_is_no_error(tiny_bundle, tmp_path):
    load(tiny_bundle).compile(ProgramCache(tmp_path / "missing"))


def test_all_handlers_are_listed():
    """Fails if a program that was compiled earlier would call a handler that is not registered."""
    sources = "".join(path.read_text() for path in (ROOT / "textrnn/native").glob("*.py"))
    assert set(re.findall(r'call_target\("(\w+)"\)', sources)) == set(native.HANDLERS)
