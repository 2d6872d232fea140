"""Imports point one way: a module imports only from layers below its own."""

import ast
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from support.paths import ROOT

LAYERS = {
    "textrnn": """
        cli
        cluster ray
        __init__
        scoring
        predictor
        program_cache bundle
        tasks.__init__
        tasks.*
        tasks.task tasks.calibration
        tasks.options tasks.metrics tasks.columns
        layers io
        text batching parameters runtime platform
        config native
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
        dialect markup
        auth observe
        settings errors languages garbage_collection
    """,
    "training": """
        compress cluster sweep comparison_page tracking
        job compare experiments
        report export
        train
        data_check
        evaluate speed projection
        epochs truncated_bptt step checkpoint warm_start log
        datasets fingerprints workers
        sources
        row_mapping
        shards hosts
        recipe fetch tagged_corpora text_files data_report
        excerpts
        trees download optimizer splits findings augmentation no_language templates
        locale_phrases
        phrases
    """,
}  # fmt: skip
"""The components of each package by layer, from the top down. Components of one layer do not import
each other, except for the pairs in SAME_LAYER. A pattern such as `tasks.*` stands for all
components of that form that no other entry names."""
SAME_LAYER = {
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
        module = {name, f"{name}.__init__"} & MODULES
        found |= module or {parent, f"{parent}.__init__"} & MODULES
    return found


def entry_of(module: str) -> str:
    """The entry of LAYERS that a module belongs to: one that names it, or else a pattern."""
    package, _, inside = module.partition(".")
    fits = [e for e in LAYERS[package].split() if fnmatchcase(f"{inside}.", f"{e}.*")]
    assert fits, f"{module} is in no component of LAYERS"
    return max(fits, key=lambda entry: ("*" not in entry, len(entry)))


def component_of(module: str) -> str:
    """`textrnn.text.words` is in `text`, `textrnn.tasks.tag.crf` in `tasks.tag`."""
    entry, inside = entry_of(module), module.split(".")[1:]
    return ".".join(inside[: len(entry.split("."))]) if "*" in entry else entry


def layer_of(module: str) -> int:
    package = module.partition(".")[0]
    layers = [line.split() for line in reversed(LAYERS[package].strip().splitlines())]
    return next(
        number for number, components in enumerate(layers) if entry_of(module) in components
    )


def may_import(module: str, other: str) -> bool:
    package, target = module.partition(".")[0], other.partition(".")[0]
    if package != target:
        return target == "textrnn" or module.startswith("textrnn.cli.")
    same_component = component_of(module) == component_of(other)
    return same_component or (module, other) in SAME_LAYER or layer_of(other) < layer_of(module)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    """Fails if a component imports from its own layer or above, or from a package but textrnn."""
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
