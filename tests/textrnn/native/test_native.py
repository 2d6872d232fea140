"""Whether the native library is used. Processes of their own, since this is decided once."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import textrnn
from support.paths import ROOT
from textrnn import native

needs_library = pytest.mark.skipif(not native.available(), reason="the native library is not built")


def version(cwd: Path | None = None, **environment: str) -> str:
    done = textrnn("--version", cwd=cwd, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_version_names_the_engine():
    """Fails if `--version` says something else than what this process runs."""
    assert version().endswith(f", {native.description()}\n")


def test_the_library_can_be_disabled():
    """Fails if TEXTRNN_NATIVE=0 has no effect."""
    assert version(TEXTRNN_NATIVE="0").endswith(", XLA loops (TEXTRNN_NATIVE=0)\n")


@pytest.fixture
def without_library(tmp_path):
    """A directory whose package textrnn, which `python -m` finds there, has no library."""
    ignored = shutil.ignore_patterns("*.so", "pretrained", "__pycache__")
    shutil.copytree(ROOT / "textrnn", tmp_path / "textrnn", ignore=ignored)
    return tmp_path


def test_without_a_library_xla_runs(without_library):
    """Fails if an installation without the library cannot start."""
    stated = version(cwd=without_library, TEXTRNN_NATIVE="")
    assert stated.endswith(", XLA loops (the native library was not built)\n")


def test_a_library_for_another_processor_is_not_an_error(without_library):
    """Fails if a home directory that different machines share makes the command unusable."""
    library = without_library / "textrnn" / "native" / "libtextrnn.so"
    library.write_bytes(b"\x7fELF of another machine")
    stated = version(cwd=without_library, TEXTRNN_NATIVE="")
    assert ", XLA loops (the native library cannot be loaded: " in stated


@needs_library
@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_the_instruction_set_has_an_upper_limit(isa):
    """Fails if TEXTRNN_ISA has no effect, or raises the instruction set above the processor's."""
    largest = version(TEXTRNN_ISA="avx512")
    larger = {"baseline": ("(AVX-512)", "(AVX2)"), "avx2": ("(AVX-512)",), "avx512": ()}[isa]
    limited = version(TEXTRNN_ISA=isa)
    assert not any(name in limited for name in larger)
    if not any(name in largest for name in larger):
        assert limited == largest


@pytest.mark.parametrize(
    ("name", "value"), [("TEXTRNN_ISA", "sse9"), ("TEXTRNN_NATIVE", "missing.so")]
)
def test_an_invalid_variable_is_a_user_error(name, value):
    """Fails if a misspelt value is ignored, or ends in a traceback."""
    done = textrnn("--version", **{"TEXTRNN_NATIVE": "", name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(f"textrnn: {name} is {value!r}")
    assert done.stderr.count("\n") == 1


def test_the_version_does_not_load_jax():
    """Fails if `textrnn --version` takes as long as importing JAX."""
    code = (
        "import sys; from textrnn import native; from textrnn.cli import main;"
        "native.description(); print('jax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_call_without_the_library_says_why():
    """Fails if a kernel that is not there is registered all the same."""
    code = "from textrnn import native; native.call_target('textrnn_unroll')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"TEXTRNN_NATIVE": "0"}
    )
    assert "no native kernels can be called: TEXTRNN_NATIVE=0" in done.stderr
