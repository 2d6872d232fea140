"""Imports point one way. Fails if a room of the house opens a door that the plan does not have."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BASE = {"textrnn.errors", "textrnn.config"}
LEAVES = {
    "textrnn.attention", "textrnn.attribution", "textrnn.batching", "textrnn.bleu",
    "textrnn.calibration", "textrnn.card",
    "textrnn.cells", "textrnn.conll", "textrnn.conlleval", "textrnn.crf", "textrnn.embedding",
    "textrnn.files", "textrnn.heatmap", "textrnn.highlight", "textrnn.linear", "textrnn.marginals",
    "textrnn.parameters", "textrnn.printing", "textrnn.runtime", "textrnn.sampling",
    "textrnn.schemes", "textrnn.search", "textrnn.text", "textrnn.watch",
    "textrnn.weights", "textrnn.wellformed",
}  # fmt: skip
ALLOWED = {
    **dict.fromkeys(LEAVES, BASE),
    "textrnn.errors": set(),
    "textrnn.config": {"textrnn.errors"},
    "textrnn.attention": {"textrnn.linear"},
    "textrnn.cells": {"textrnn.linear"},
    "textrnn.search": {"textrnn.text"},
    "textrnn.marginals": BASE | {"textrnn.schemes"},
    "textrnn.classifier": BASE | {"textrnn.embedding", "textrnn.encoder", "textrnn.linear"},
    "textrnn.explanation": {"textrnn.attribution", "textrnn.classifier", "textrnn.text"},
    "textrnn.embedding": BASE | {"textrnn.text"},
    "textrnn.annotations": BASE | {"textrnn.conlleval", "textrnn.schemes"},
    "textrnn.files": BASE | {"textrnn.conll"},
    "textrnn.sinks": BASE | {"textrnn.conll", "textrnn.files"},
    "textrnn.journal": BASE | {"textrnn.sinks"},
    "textrnn.unroll": {"textrnn.cells", "textrnn.linear"},
    "textrnn.encoder": BASE | {"textrnn.cells", "textrnn.embedding", "textrnn.unroll"},
    "textrnn.characters": BASE | {"textrnn.encoder", "textrnn.linear", "textrnn.text"},
    "textrnn.spelling": BASE
    | {"textrnn.batching", "textrnn.characters", "textrnn.embedding", "textrnn.text"},
    "textrnn.tagger": BASE
    | {"textrnn.crf", "textrnn.encoder", "textrnn.linear", "textrnn.schemes"}
    | {"textrnn.spelling", "textrnn.text"},
    "textrnn.decoder": BASE | {"textrnn.attention", "textrnn.cells", "textrnn.linear"},
    "textrnn.translator": BASE
    | {"textrnn.decoder", "textrnn.embedding", "textrnn.encoder", "textrnn.linear", "textrnn.text"},
    "textrnn.beams": BASE | {"textrnn.batching", "textrnn.search"},
    "textrnn.hypotheses": {"textrnn.search", "textrnn.text"},
    "textrnn.highlight": {"textrnn.printing"},
    "textrnn.generator": BASE
    | {"textrnn.cells", "textrnn.embedding", "textrnn.encoder", "textrnn.linear"},
    "textrnn.memory": BASE | {"textrnn.generator"},
    "textrnn.writer": {"textrnn.generator", "textrnn.memory", "textrnn.sampling", "textrnn.text"}
    | {"textrnn.watch"},
    "textrnn.writing": BASE | {"textrnn.memory", "textrnn.sampling", "textrnn.watch"},
    "textrnn.drafts": {"textrnn.text", "textrnn.watch"},
    "textrnn.streams": {"textrnn.drafts", "textrnn.memory", "textrnn.text", "textrnn.writer"}
    | {"textrnn.watch", "textrnn.writing"},
    "textrnn.tasks": BASE
    | LEAVES
    | {"textrnn.drafts", "textrnn.generator", "textrnn.memory", "textrnn.streams"}
    | {"textrnn.writer", "textrnn.writing"}
    | {"textrnn.classifier", "textrnn.explanation"}
    | {"textrnn.beams", "textrnn.hypotheses", "textrnn.translator"}
    | {"textrnn.annotations", "textrnn.encoder", "textrnn.spelling", "textrnn.tagger"}
    | {"textrnn.characters", "textrnn.unroll"},
    "textrnn.bundle": BASE | LEAVES | {"textrnn.tasks"},
    "textrnn.predictor": BASE | LEAVES | {"textrnn.tasks"},
    "textrnn.scoring": BASE
    | LEAVES
    | {"textrnn.predictor", "textrnn.tasks", "textrnn.journal", "textrnn.sinks"},
    "textrnn.cluster": {"textrnn", "textrnn.scoring"},
    "textrnn.progress": {"textrnn", "textrnn.journal"},
    "textrnn.showing": {"textrnn.heatmap", "textrnn.highlight"}
    | {"textrnn.predictor", "textrnn.printing"},
    "textrnn": {"textrnn.predictor", "textrnn.bundle"},
    "textrnn.__main__": {"textrnn.cli"},
}
PARTS = ("textrnn", "service", "training")


def room(module: str) -> str:
    """`textrnn.text.words` belongs to `textrnn.text`."""
    return ".".join(module.split(".")[:2])


def imports(path: Path) -> set[str]:
    """Rooms of this project that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if is_module(name) else node.module for name in names}
    return {
        room(name) for name in found if name.split(".")[0] in ("textrnn", "service", "training")
    }


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


FILES = sorted(
    p for part in ("textrnn", "service", "training") for p in (ROOT / part).rglob("*.py")
)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    name = module_of(path)
    found = imports(path) - {room(name)}
    if name == "textrnn.cli":
        return
    if name.startswith("training"):
        assert not {x for x in found if x.startswith("service")}
    elif name.startswith("service"):
        assert not {x for x in found if x.startswith("training")}
    else:
        assert found <= ALLOWED[room(name)], f"{name} may not import {found - ALLOWED[room(name)]}"


def test_tasks_do_not_import_each_other():
    for path in (ROOT / "textrnn" / "tasks").glob("*.py"):
        if path.stem in ("__init__", "task"):
            continue
        others = {
            node.module
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textrnn.tasks.")
        }
        assert others <= {"textrnn.tasks.task"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_small(path):
    assert len(path.read_text().splitlines()) <= 300


def test_the_service_can_be_imported_without_training():
    """Fails if serving would need what only training installs."""
    code = (
        "import sys, service.server;"
        "print(sorted({'training', 'orbax', 'datasets', 'matplotlib', 'sklearn', 'tensorboardX'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
