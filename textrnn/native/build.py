"""Builds the native library when textrnn is installed. Hatchling runs this as a build hook.

A wheel with the library has the tag `py3-none-PLATFORM`, because the library does not use Python's
ABI. Where there is no C++ compiler, or with TEXTRNN_NATIVE=0, the wheel is the pure-Python package.
If there is a compiler but the sources do not compile, the build fails.
"""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_LIBRARY = "libtextrnn.so"
_HEADERS = ("jaxlib==0.10.*; python_version < '3.15'", "jaxlib>=0.10; python_version >= '3.15'")
"""The oldest supported jaxlib: XLA calls handlers built with older headers than its own, but not
with newer ones."""


class NativeLibraryHook(BuildHookInterface):
    """Adds the library to a wheel or, for an editable installation, to the source tree."""

    PLUGIN_NAME = "custom"
    _folder = ""

    def dependencies(self) -> list[str]:
        """What a build in isolation needs: nothing where the library is not built."""
        if obstacle():
            return []
        return [*_HEADERS, *(name for name in ("cmake", "ninja") if not program(name))]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is "standard" or "editable"."""
        source = Path(self.root, "textrnn", "native")
        if version == "editable":
            # Kept, so that the next build compiles only what has changed.
            folder = Path(self.root, "build", "native")
        else:
            folder = Path(tempfile.mkdtemp(prefix="textrnn-native-"))
            self._folder = str(folder)
        reason = obstacle() or configure_library(source, folder)
        if reason:
            self.app.display_warning(f"textrnn is installed without its native library: {reason}")
        else:
            compile_library(folder)
        if version == "editable":
            installed = source / _LIBRARY
            installed.unlink(missing_ok=True)  # a process may be using the old one
            if not reason:
                shutil.copy2(folder / _LIBRARY, installed)
        elif not reason:
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"
            build_data["pure_python"] = False
            build_data["force_include"][str(folder / _LIBRARY)] = f"textrnn/native/{_LIBRARY}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._folder:
            shutil.rmtree(self._folder)


def obstacle() -> str:
    """Why the library is not even tried to build, or an empty string."""
    if os.environ.get("TEXTRNN_NATIVE") == "0":
        return "TEXTRNN_NATIVE=0"
    if sys.platform == "win32":
        return "Windows is not supported"
    named = shlex.split(os.environ.get("CXX", ""))[:1]
    if not any(map(shutil.which, named or ("c++", "g++", "clang++"))):
        return f"there is no C++ compiler {named[0]}" if named else "there is no C++ compiler"
    return ""


def program(name: str) -> str | None:
    """The path of a program that runs, or None.

    In an isolated build, the environment that textrnn is installed into may have the script of a
    Python package that is not visible.
    """
    for folder in (*os.get_exec_path(), sysconfig.get_path("scripts")):
        path = shutil.which(name, path=folder)
        if path and not subprocess.run([path, "--version"], capture_output=True).returncode:
            return path
    return None


def configure_library(source: Path, folder: Path) -> str:
    """Run CMake. Returns why this is not possible, or an empty string."""
    cmake, ninja = program("cmake"), program("ninja")
    jaxlib = importlib.util.find_spec("jaxlib")
    if cmake is None:
        return "there is no CMake"
    if jaxlib is None or jaxlib.origin is None:
        return "jaxlib, which has the headers of XLA, is not installed"
    # The same as jax.ffi.include_dir(), which needs all of JAX.
    headers = Path(jaxlib.origin).with_name("include")
    # An earlier build in isolation has left paths of an environment that is gone.
    (folder / "CMakeCache.txt").unlink(missing_ok=True)
    command = [cmake, "-S", str(source), "-B", str(folder), f"-DXLA_FFI_INCLUDE_DIR={headers}"]
    if ninja:
        command += ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    failed = subprocess.run(command).returncode
    return "CMake found no compiler for C++17, or no build program" if failed else ""


def compile_library(folder: Path) -> None:
    """Build what is configured in `folder`. Raises RuntimeError if this fails."""
    command = [program("cmake") or "cmake", "--build", str(folder)]
    if subprocess.run([*command, "--parallel", str(os.cpu_count())]).returncode:
        raise RuntimeError(
            "the native library does not compile (see above); TEXTRNN_NATIVE=0 in the environment "
            "installs textrnn without it"
        )
