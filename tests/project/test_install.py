"""The steps of the Dockerfile without Docker: build, install, start, ask, stop.

Packages that are installed already stand in for the download; all else is what the file says.
"""

import json
import os
import re
import socket
import subprocess
import sys
import venv

import pytest

from support.paths import ROOT
from support.server import Server

DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A fresh environment with textrnn built from what the image copies, and nothing else of it."""
    work = tmp_path_factory.mktemp("image")
    source = work / "src"
    source.mkdir()
    copied = re.findall(r"^COPY (?!--from)(.+) (\S+)$", DOCKERFILE, re.MULTILINE)
    assert copied
    for names, target in copied:
        for name in names.split():
            place = source if target == "./" else source / target
            command = ["cp", "-r", str(ROOT / name), str(place)]
            subprocess.run(command, check=True)
    venv.create(work / "venv", with_pip=True)
    python = work / "venv" / "bin" / "python"
    site = next((work / "venv").glob("lib/python*/site-packages"))
    # Paths in a .pth file are searched after the environment's own packages, and the .pth files in
    # them are not read: this checkout, which is installed there, is not found through them.
    (site / "shared.pth").write_text("\n".join(p for p in sys.path if p.endswith("site-packages")))
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--ignore-installed", str(source)],
        check=True,
    )  # fmt: skip
    return work


def environment() -> dict[str, str]:
    """What the image sets."""
    block = re.search(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)
    assert block
    pairs = re.findall(r"(\w+)=(\S+)", block[1].replace("\\\n", " "))
    return {name: value for name, value in pairs if name != "PATH"}


def test_the_image_serves_is_healthy_and_ends_on_sigterm(installed, tmp_path):
    """Fails if the wheel lacks models or recipes, the health check is wrong, or SIGTERM is lost."""
    command = json.loads(re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)[-1])
    health = json.loads(re.sub(r"\\\n\s*", "", DOCKERFILE.split("CMD ", 2)[1].split("\n#")[0]))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    bin_ = installed / "venv" / "bin"
    variables = {
        **environment(),
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "TEXTRNN_PORT": port,
        "TEXTRNN_HOST": "127.0.0.1",  # the test stays on this machine
    }

    def healthy() -> bool:
        check = [part.replace("8000", port) for part in health]
        done = subprocess.run(
            check, env={**os.environ, **variables}, check=False, capture_output=True
        )
        return done.returncode == 0

    server = Server(command=[str(bin_ / command[0]), *command[1:]], cwd=tmp_path, **variables)
    try:
        server.wait_for("ready (")
        assert healthy()
        assert server.stop() == 0
        assert not healthy()
    finally:
        server.end()


def test_the_wheel_has_models_and_recipes_and_no_tests(installed):
    site = next((installed / "venv").glob("lib/python*/site-packages"))
    assert (site / "textrnn" / "pretrained" / "sentiment-en" / "weights.safetensors").exists()
    assert (site / "training" / "recipes" / "sentiment-en.toml").exists()
    assert not (site / "tests").exists()


def test_the_image_does_not_run_as_root_and_starts_the_server_itself():
    assert re.search(r"^USER (?!root)", DOCKERFILE, re.MULTILINE)
    assert re.search(r'^CMD \["textrnn"', DOCKERFILE, re.MULTILINE), "a shell would keep SIGTERM"
    assert "HEALTHCHECK" in DOCKERFILE
    assert "/readyz" in DOCKERFILE


def test_the_context_has_what_is_copied():
    """Fails if .dockerignore leaves out what the Dockerfile copies."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for names, _ in re.findall(r"^COPY (?!--from)(.+) (\S+)$", DOCKERFILE, re.MULTILINE):
        for name in names.split():
            assert f"!{name}" in ignored
            assert (ROOT / name).exists()
