"""Each imported package is declared as a dependency of the right extra."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OWN = {"textrnn", "service", "training"}
EXTRAS = {"textrnn": "training", "service": "service", "training": "training"}
"""The extra whose packages the modules of a package may import. Those of `textrnn` may do so only
within a function, since serving and scoring have the project's own dependencies alone."""
IMPORTED_LATE = {
    "textrnn/cluster/ray.py": "ray",
    "textrnn/ray.py": "ray",
    "training/cluster.py": "ray",
    "training/tracking.py": "mlflow",
    "training/sweep/run.py": "ray",
    "training/workers.py": "ray",
    "textrnn/tasks/translate/bleu.py": "training",
    "textrnn/native/build.py": "test",
}
"""Modules that are themselves imported within a function, by users alone or, like `build.py`, not
from the package at all, and their extra."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    """The normalised names of the distributions that the project and some extras require."""
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][e] for e in extras)]
    return {normal(re.split(r"[^\w.-]", line)[0]) for lines in lists for line in lines}


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """The top-level names of other packages that a file imports, and whether at its import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in {name.split(".")[0] for name in names}:
            if name not in OWN and name not in sys.stdlib_module_names:
                yield name, id(node) not in inner


BUILD = ROOT / "textrnn" / "native" / "build.py"
"""The build hook runs where the requirements of [build-system] are installed, and only there."""
FILES = sorted({path for package in OWN for path in (ROOT / package).rglob("*.py")} - {BUILD})


@pytest.fixture(scope="module")
def distributions() -> dict[str, set[str]]:
    """The distributions that provide an import name."""
    packages = importlib.metadata.packages_distributions()
    return {name: {normal(d) for d in provided} for name, provided in packages.items()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_import_is_declared(path, distributions):
    """Fails if a package is installed only as a dependency of another, or by the wrong extra."""
    folder = str(path.relative_to(ROOT))
    package = folder.split("/")[0]
    late = IMPORTED_LATE.get(folder)
    for name, at_import in imported(path):
        if package == "textrnn" and at_import:
            allowed = declared(late) if late else declared()
        else:
            allowed = declared(EXTRAS[package], *([late] if late else []))
        assert distributions[name] & allowed, f"{name} is not declared for {folder}"


@pytest.mark.process
def test_serving_needs_no_packages_of_the_training_extra(distributions):
    """Fails if a module that serving imports needs a package of the training extra."""
    only = declared("training") - declared("service") - {"optax"}  # flax imports it
    names = {name for name, provided in distributions.items() if provided & only}
    code = (
        "import sys, service.server, service.workers, textrnn.scoring, textrnn.predictor;"
        f"print(sorted({names!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
