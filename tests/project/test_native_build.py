"""Installing builds the native library where this is possible."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.paths import ROOT
from textrnn.native.build import obstacle

pytestmark = pytest.mark.process
LIBRARY = "textrnn/native/libtextrnn.so"
needs_compiler = pytest.mark.skipif(bool(obstacle()), reason=obstacle())


@pytest.fixture
def source(tmp_path):
    """A project with the build files of this one, and little to compile and to pack."""
    folder = tmp_path / "source"
    shutil.copytree(
        ROOT / "textrnn" / "native", folder / "textrnn" / "native",
        ignore=shutil.ignore_patterns("*.so", "src"),
    )  # fmt: skip
    for package in ("textrnn", "service", "training"):
        (folder / package).mkdir(exist_ok=True)
        (folder / package / "__init__.py").touch()
    (folder / "textrnn" / "native" / "src").mkdir()
    for name in (
        "pyproject.toml", "README.md", "LICENSE",
        "textrnn/native/src/exports.map", "textrnn/native/src/library.cc",
        "textrnn/native/src/library.h",
    ):  # fmt: skip
        shutil.copy(ROOT / name, folder / name)
    return folder


def pip(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pip offline, with the build tools that are installed here."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [sys.executable, "-m", "pip", *arguments, "--verbose", "--no-deps", "--no-index",
         "--no-build-isolation"],
        env={**os.environ, "PATH": path, **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def wheel(source: Path, **environment: str) -> tuple[Path, str]:
    """Build a wheel; also returns what pip shows with --verbose."""
    done = pip("wheel", source, "--wheel-dir", source.parent, **environment)
    assert done.returncode == 0, done.stdout
    (path,) = source.parent.glob("*.whl")
    return path, done.stdout


@needs_compiler
def test_a_wheel_with_the_library_is_for_one_platform_and_any_python(source):
    """Fails if the library or the tag is missing, or sources are shipped in the wheel."""
    path, _ = wheel(source)
    assert "-py3-none-" in path.name
    assert not path.name.endswith("-any.whl")
    names = zipfile.ZipFile(path).namelist()
    others = [n for n in names if n.startswith("textrnn/native/") and not n.endswith(".py")]
    assert others == [LIBRARY]
    assert "textrnn/native/build.py" not in names


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"CXX": "/no/compiler"}, "there is no C++ compiler /no/compiler"),
        ({"TEXTRNN_NATIVE": "0"}, "TEXTRNN_NATIVE=0"),
    ],
    ids=["no compiler", "disabled"],
)
def test_without_a_compiler_the_wheel_is_pure_python(source, environment, reason):
    """Fails if the installation fails, if a library of an editable installation enters the wheel,
    or if nothing says why there is no library."""
    (source / LIBRARY).touch()
    path, output = wheel(source, **environment)
    assert path.name.endswith("-py3-none-any.whl")
    assert LIBRARY not in zipfile.ZipFile(path).namelist()
    said = [line.strip() for line in output.splitlines() if "native library" in line]
    assert said == [f"textrnn is installed without its native library: {reason}"]


@needs_compiler
def test_a_compiler_that_does_not_work_is_no_compiler(source, tmp_path):
    """Fails if a broken compiler makes the installation fail."""
    compiler = tmp_path / "c++"
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    path, output = wheel(source, CXX=str(compiler))
    assert path.name.endswith("-py3-none-any.whl")
    assert "installed without its native library: CMake found no compiler" in output


@needs_compiler
def test_an_editable_installation_has_the_library_in_the_source_tree(source, tmp_path):
    """Fails if the library is not found there, or if one remains that the sources do not match."""

    def install(**environment: str) -> None:
        target = tmp_path / "target"
        arguments = ("install", "--target", target, "--upgrade", "--editable", source)
        done = pip(*arguments, **environment)
        assert done.returncode == 0, done.stdout

    install()
    built = (source / LIBRARY).read_bytes()
    edited = source / "textrnn" / "native" / "src" / "library.cc"
    edited.write_text(edited.read_text().replace('"AVX2"', '"edited"'))
    install()
    assert b"edited" in (source / LIBRARY).read_bytes()
    assert b"edited" not in built
    install(CXX="/no/compiler")
    assert not (source / LIBRARY).exists()


@needs_compiler
def test_sources_that_do_not_compile_fail_the_build(source):
    """Fails if a mistake in the sources makes everybody run without the library."""
    (source / "textrnn" / "native" / "src" / "broken.cc").write_text("int f() { return missing; }")
    done = pip("wheel", source, "--wheel-dir", source.parent)
    assert done.returncode != 0
    assert "TEXTRNN_NATIVE=0 in the environment installs textrnn without it" in done.stdout
