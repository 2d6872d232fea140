"""README's commands, in their order, by a shell: each works, and prints what README says.

A console block holds commands after `$ `, and what they print below them. Numbers may differ in
the second digit after the point, as they do from one kind of CPU to another.
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
from textrnn.bundle import shipped

README = (ROOT / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
ELSEWHERE = ("make serve", "make test", "make install")
"""Tested below, or by who runs this test, or a download."""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Each command, and the output that README shows for it."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def assert_same(printed: str, shown: str) -> None:
    assert NUMBER.sub("#", printed).strip() == NUMBER.sub("#", shown).strip()
    numbers = [float(number) for number in NUMBER.findall(printed)]
    assert numbers == pytest.approx([float(n) for n in NUMBER.findall(shown)], abs=0.02)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Where a reader stands: reviews of their own in data/, textrnn on the path."""
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
    """The environment that make sets up is this one, so that nothing is installed."""
    venv = tmp_path_factory.mktemp("venv")
    (venv / "bin").symlink_to(Path(sys.executable).parent)
    for stamp in (".service", ".install", ".test"):
        (venv / stamp).touch()
    path = f"{venv / 'bin'}:{os.environ['PATH']}"
    return {
        **{name: value for name, value in os.environ.items() if name != "TEXTRNN_DATA"},
        "VENV": str(venv),
        "PATH": path,
    }


@pytest.fixture(scope="module")
def server(environment):
    """What `make serve` starts, but on a free port."""
    running = Server(
        command=["make", "-e", "-C", str(ROOT), "serve"], **environment, TEXTRNN_PORT="0"
    )
    try:
        running.wait_for("ready (")
        for name in shipped():
            running.wait_for(f"{name}: warm")
        with running.client() as client:
            body = {"text": "A fine film.", "explain": True}
            while client.post("/v1/classify", json=body).status_code == 503:
                pass  # explanations are compiled behind the models
        yield running
    finally:
        running.end()


def test_every_command_does_what_readme_shows(home, environment, server):
    ran = 0
    for command, shown in commands():
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
    assert ran >= 7


def test_python_prints_what_readme_shows(environment):
    (program,), (shown,) = blocks("python"), blocks("text")
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


def test_what_readme_points_to_is_there():
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
