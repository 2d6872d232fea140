"""The commands and programs in README and the guides run and print what the documents show.

A console block contains commands after `$ ` and, below each, its output. Numbers may differ by
0.02, as rounding differs between processors.
"""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.data import sentences
from support.paths import ROOT
from support.server import Server

DOCUMENTS = {
    path: (ROOT / path).read_text(encoding="utf-8")
    for path in ("README.md", "docs/quickstart.md", "docs/service.md", "docs/dialects.md")
}
README = DOCUMENTS["README.md"]
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
ELSEWHERE = ("make serve", "make test", "make install")
"""Commands that other tests cover."""


def blocks(document: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)


def commands(document: str) -> list[tuple[str, str]]:
    """Each command of a document with the output that it shows."""
    pairs = []
    for block in blocks(document, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            pairs.append((command, output))
    return pairs


def assert_same(printed: str, shown: str) -> None:
    assert NUMBER.sub("#", printed).strip() == NUMBER.sub("#", shown).strip()
    numbers = [float(number) for number in NUMBER.findall(printed)]
    assert numbers == pytest.approx([float(n) for n in NUMBER.findall(shown)], abs=0.02)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A working directory with reviews in data/reviews.csv."""
    home = tmp_path_factory.mktemp("home")
    (home / "data").mkdir()
    with (home / "data" / "reviews.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["review", "stars"])
        stars = {"friendly": "5", "hostile": "1"}
        writer.writerows((text, stars[label]) for text, label in sentences(200))
    return home


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """Variables that make `make` use the present environment, so that it installs nothing."""
    venv = tmp_path_factory.mktemp("venv")
    (venv / "bin").symlink_to(Path(sys.executable).parent)
    for stamp in (".editable", ".service", ".install", ".test"):
        (venv / stamp).touch()
    path = f"{venv / 'bin'}:{os.environ['PATH']}"
    return {
        **{name: value for name, value in os.environ.items() if name != "TEXTRNN_DATA"},
        "VENV": str(venv),
        "PATH": path,
    }


@pytest.fixture(scope="module")
def server(environment):
    """The server that `make serve` starts, on a free port."""
    running = Server(
        command=["make", "-e", "-C", str(ROOT), "serve"], **environment, TEXTRNN_PORT="0"
    )
    try:
        running.wait_for("ready (")
        yield running
    finally:
        running.end()


@pytest.mark.parametrize(("path", "count"), [
    ("README.md", 9), ("docs/quickstart.md", 5), ("docs/service.md", 6), ("docs/dialects.md", 3),
])  # fmt: skip
def test_every_command_prints_what_the_document_shows(home, environment, server, path, count):
    """Fails if a command of a document fails or prints something else, or if fewer are run."""
    ran = 0
    for command, shown in commands(DOCUMENTS[path]):
        if command in ELSEWHERE:
            continue
        if command.startswith("textrnn serve"):
            arguments = command.split()[2:]
            own = Server(*arguments, cwd=home, **environment)
            own.wait_for("ready (")
            own.end()
            continue
        done = subprocess.run(
            command.replace("http://127.0.0.1:8000", server.url),
            shell=True, cwd=home, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stderr}"
        if shown:
            assert_same(done.stdout, shown)
        ran += 1
    assert ran == count


@pytest.mark.parametrize("path", ["README.md", "docs/quickstart.md"])
def test_python_prints_what_the_document_shows(environment, path):
    """Fails if the program raises an error or prints something else."""
    (program,), (shown,) = blocks(DOCUMENTS[path], "python"), blocks(DOCUMENTS[path], "text")
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert_same(done.stdout, shown)


def test_make_test_is_the_whole_suite(environment):
    done = subprocess.run(
        ["make", "-e", "-n", "-C", str(ROOT), "test"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "/python -m pytest --numprocesses 2 --dist worksteal " in done.stdout


def test_links_of_the_readme_resolve():
    """Fails if a file that README links to is moved. `make docs` checks the links of the guides."""
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", README)
    assert targets
    for target in targets:
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_the_readme_is_short():
    """Fails if tables and option lists outgrow the overview."""
    assert len(README.splitlines()) <= 160
