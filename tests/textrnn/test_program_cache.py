"""The cache of compiled programs."""

import re
from typing import Any

import jax
import pytest
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from support.paths import ROOT
from textrnn import load, native
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
    first.compile(ProgramCache(tmp_path, "tiny"))
    assert len(traced) == len(first.task.shapes())
    second.compile(ProgramCache(tmp_path, "tiny"))
    assert len(traced) == len(first.task.shapes())
    texts = ["a fine film", "an awful plot " * 5]
    assert second.predict(texts) == first.predict(texts)
    assert second.predict("a fine film", explain=True) == first.predict("a fine film", explain=True)


def test_another_model_has_programs_of_its_own(tiny_bundle, tmp_path, traced):
    first, second = load(tiny_bundle), load(tiny_bundle)
    first.compile(ProgramCache(tmp_path, "one"))
    second.compile(ProgramCache(tmp_path, "another"))
    assert len(traced) == 2 * len(first.task.shapes())


@pytest.mark.parametrize("damage", [b"", b"\x80garbage", b"cbuiltins\nexit\n."])
def test_a_damaged_entry_is_replaced(tiny_bundle, tmp_path, traced, damage):
    """Fails if a start after a crash or a full disk fails, or compiles anew each time."""
    load(tiny_bundle).compile(ProgramCache(tmp_path, "tiny"))
    count = len(traced)
    for path in tmp_path.iterdir():
        path.write_bytes(damage)
    load(tiny_bundle).compile(ProgramCache(tmp_path, "tiny"))
    assert len(traced) == 2 * count
    load(tiny_bundle).compile(ProgramCache(tmp_path, "tiny"))
    assert len(traced) == 2 * count


def test_a_folder_that_cannot_be_written_is_no_error(tiny_bundle, tmp_path):
    load(tiny_bundle).compile(ProgramCache(tmp_path / "missing", "tiny"))


def test_all_handlers_are_listed():
    """Fails if a program that was compiled earlier would call a handler that is not registered."""
    sources = "".join(path.read_text() for path in (ROOT / "textrnn/native").glob("*.py"))
    assert set(re.findall(r'call_target\("(\w+)"\)', sources)) == set(native.HANDLERS)
