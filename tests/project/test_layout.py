"""Imports point one way: from a room to the rooms on the floors below it, and never back."""

import ast
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from support.paths import ROOT

FLOORS = {
    "textrnn": """
        cli
        cluster
        __init__
        scoring
        predictor bundle
        tasks.__init__
        tasks.*
        tasks.task tasks.calibration
        tasks.options tasks.metrics
        layers io
        text batching parameters runtime
        config
        errors rows
    """,
    "service": """
        command workers
        server
        app
        dialects.*
        api docs playground
        transport
        inference
        dialects.__init__
        auth observe
        settings errors garbage_collection
    """,
    "training": """
        job compare
        report export
        train
        evaluate speed
        epochs truncated_bptt step checkpoint warm_start log
        datasets fingerprints
        sources
        row_mapping
        recipe fetch tagged_corpora text_files
        trees download optimizer splits
    """,
}  # fmt: skip
"""The rooms of each package, the topmost floor first. The rooms of a floor do not know each other,
but for the few pairs in SAME_FLOOR. A pattern such as `tasks.*` stands for all rooms of that form
that no other entry names."""
SAME_FLOOR = {
    ("training.truncated_bptt", "training.epochs"),
    ("training.checkpoint", "training.step"),
}
PACKAGES = ("textrnn", "service", "training")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


MODULES = {module_of(path) for path in FILES} - {"service.__init__", "training.__init__"}


def imports(path: Path) -> set[str]:
    """Modules of this project that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    found = set()
    for name in names:
        parent = name.rpartition(".")[0]
        found |= {
            m for m in (name, f"{name}.__init__", parent, f"{parent}.__init__") if m in MODULES
        }
    return found


def entry_of(module: str) -> str:
    """The entry of FLOORS that a module belongs to: one that names it, or else a pattern."""
    package, _, inside = module.partition(".")
    fits = [e for e in FLOORS[package].split() if fnmatchcase(f"{inside}.", f"{e}.*")]
    assert fits, f"{module} is in no room of FLOORS"
    return max(fits, key=lambda entry: ("*" not in entry, len(entry)))


def room_of(module: str) -> str:
    """`textrnn.text.words` is in `text`, `textrnn.tasks.tag.crf` in `tasks.tag`."""
    entry, inside = entry_of(module), module.split(".")[1:]
    return ".".join(inside[: len(entry.split("."))]) if "*" in entry else entry


def floor_of(module: str) -> int:
    package = module.partition(".")[0]
    floors = [line.split() for line in reversed(FLOORS[package].strip().splitlines())]
    return next(number for number, rooms in enumerate(floors) if entry_of(module) in rooms)


def may_import(module: str, other: str) -> bool:
    package, target = module.partition(".")[0], other.partition(".")[0]
    if package != target:
        return target == "textrnn" or module.startswith("textrnn.cli.")
    same_room = room_of(module) == room_of(other)
    return same_room or (module, other) in SAME_FLOOR or floor_of(other) < floor_of(module)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    """Fails if a room imports one beside it or above it, or a package another one than textrnn."""
    module = module_of(path)
    if module not in MODULES or module == "textrnn.__main__":
        return
    wrong = {other for other in imports(path) if not may_import(module, other)}
    assert not wrong, f"{module} may not import {', '.join(sorted(wrong))}"


def test_the_service_can_be_imported_without_training():
    """Fails if serving would need what only training installs."""
    code = (
        "import sys, service.server;"
        "print(sorted({'training', 'orbax', 'datasets', 'matplotlib', 'sklearn', 'tensorboardX'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
