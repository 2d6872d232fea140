"""The steps of the Dockerfile without Docker: build, install, start, send a request, stop.

Packages that are installed already replace the download; all other steps are those of the file.
"""

import fnmatch
import os
import re
import socket
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from support import dockerfile
from support.paths import ROOT
from support.server import Server
from textrnn.native.build import obstacle

pytestmark = pytest.mark.process
BUILD, IMAGE = dockerfile.stages()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The bin folder of a fresh environment, made by the steps of the build stage."""
    work = tmp_path_factory.mktemp("image")
    source = work / "src"
    source.mkdir()
    for copy in dockerfile.every(BUILD, "COPY"):
        *names, target = copy.words
        for name in names:
            place = source if target == "./" else source / target
            subprocess.run(["cp", "-r", str(ROOT / name), str(place)], check=True)
    install_compiler, make_venv, install = (run.words for run in dockerfile.every(BUILD, "RUN"))
    assert install_compiler[-1] == "g++"  # tests use the compiler that is here, if any
    assert make_venv[:3] == ["python", "-m", "venv"]
    assert install[0] == f"{make_venv[3]}/bin/pip"
    venv.create(work / "venv", with_pip=True)
    site = next((work / "venv").glob("lib/python*/site-packages"))
    # Paths in a .pth file are searched after the environment's own packages, and the .pth files in
    # them are not read, so this checkout, which is installed there, cannot be imported.
    (site / "shared.pth").write_text("\n".join(p for p in sys.path if p.endswith("site-packages")))
    subprocess.run(
        [work / "venv" / "bin" / "python", "-m", "pip", *install[1:], "--quiet", "--no-deps",
         "--no-build-isolation", "--no-index", "--ignore-installed"],
        check=True, cwd=source, env=without_checkout(),
    )  # fmt: skip
    return work / "venv" / "bin"


def without_checkout() -> dict[str, str]:
    """This environment, without the checkout on the path of Python, and with the build tools that
    are installed beside pytest."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**others, "PATH": path}


def site_packages(installed):
    return next(installed.parent.glob("lib/python*/site-packages"))


def test_the_image_serves_and_stops_on_sigterm(installed, tmp_path, monkeypatch):
    """Fails if the wheel lacks models, recipes or, where there is a compiler, the native library,
    the health check is wrong, or SIGTERM is lost."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    program, *arguments = dockerfile.last(IMAGE, "CMD").command
    health = dockerfile.last(IMAGE, "HEALTHCHECK").command
    (own_port,) = dockerfile.last(IMAGE, "EXPOSE").words
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    variables = dockerfile.variables(IMAGE)
    assert variables["TEXTRNN_PORT"] == own_port
    variables |= {
        "PATH": f"{installed}:{os.environ['PATH']}",
        "TEXTRNN_PORT": port,
        "TEXTRNN_HOST": "127.0.0.1",  # accept connections from this host only
    }

    def healthy() -> bool:
        check = [part.replace(own_port, port) for part in health]
        done = subprocess.run(
            check, env={**os.environ, **variables}, check=False, capture_output=True
        )
        return done.returncode == 0

    server = Server(command=[str(installed / program), *arguments], cwd=tmp_path, **variables)
    try:
        server.wait_for("XLA loops (" if obstacle() else "native kernels (")
        server.wait_for("ready (")
        assert healthy()
        assert server.stop() == 0
        assert not healthy()
    finally:
        server.end()


def test_the_wheel_contains_packages_models_and_recipes_but_no_tests(installed):
    """Fails if a data file or a type marker is left out, or the tests' own bundles are shipped."""
    site = site_packages(installed)
    for package in ("textrnn", "service", "training"):
        assert (site / package / "__init__.py").exists()
        assert (site / package / "py.typed").exists()
    assert (site / "textrnn" / "pretrained" / "sentiment-en" / "weights.safetensors").exists()
    assert (site / "training" / "recipes" / "sentiment-en.toml").exists()
    assert not (site / "tests").exists()
    assert not list(site.glob("**/tiny*/weights.safetensors"))


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        (["python", "-m", "textrnn"], ["models", "list"]),
        (["python", "-m", "textrnn"], ["runs", "list"]),
        (["textrnn"], ["runs", "list"]),
        (["textrnn"], ["serve", "--help"]),
    ],
    ids=" ".join,
)
def test_folders_of_the_same_names_do_not_hide_the_packages(
    installed, tmp_path, program, arguments
):
    """Fails if an empty `training/` or `service/` in the working directory is imported."""
    for name in ("training", "service"):
        (tmp_path / name).mkdir()
    done = subprocess.run(
        [installed / program[0], *program[1:], *arguments],
        cwd=tmp_path, env=without_checkout(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_image_does_not_run_as_root():
    """Fails if the server runs as root, or as a user that no step creates."""
    assert dockerfile.user_id(IMAGE) > 0


def test_the_image_installs_an_extra_and_pins_that_exist():
    """Fails if an extra is misspelt, about which pip only warns, or if versions are not pinned. The
    steps above install without dependencies, so they do not cover this."""
    install = dockerfile.last(BUILD, "RUN").words
    (extra,) = re.findall(r"\.\[(\w+)\]", install[-1])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extra in project["optional-dependencies"]
    assert (ROOT / install[install.index("--constraint") + 1]).exists()


def test_the_build_context_contains_the_copied_files():
    """Fails if .dockerignore, in which the last match wins, excludes a file that is copied."""
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    for copy in dockerfile.every(BUILD, "COPY"):
        for name in copy.words[:-1]:
            assert (ROOT / name).exists()
            matching = [rule for rule in rules if fnmatch.fnmatch(name, rule.removeprefix("!"))]
            assert matching[-1].startswith("!"), name
