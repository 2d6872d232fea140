"""Compiled programs that models share, in memory and on disk.

JAX's own cache finds a program by its traced form. Tracing takes Python longer than reading the
compiled program, so here it is found by what it is made from: the structure of a model, the code,
the versions of JAX, the engine and the processor. Weights are arguments, so models that differ in
nothing else have the same programs.
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import pickle
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jax.experimental import serialize_executable

from textrnn import native
from textrnn.runtime import processor_id


class ProgramCache:
    """The programs that are in use, and those in a folder, if there is one.

    Files are pickled, like those of JAX's cache, so others must not be able to write there.
    Safe to use from several threads.
    """

    def __init__(self, folder: Path | None = None):
        self._folder = folder
        self._in_use: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
        self._making: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def get(self, key: str, compile_it: Callable[[], Any]) -> Any:
        """The program of this key, which is compiled if there is none. The key is whatever
        distinguishes the program from others."""
        with self._making[key]:
            program = self._in_use.get(key)
            if program is None:
                program = self._read_or_compile(key, compile_it)
                self._in_use[key] = program
        return program

    def _read_or_compile(self, key: str, compile_it: Callable[[], Any]) -> Any:
        if self._folder is None:
            return compile_it()
        digest = hashlib.sha256(f"{_environment()}\n{key}".encode()).hexdigest()
        path = self._folder / f"textrnn-{digest}"
        program = _read(path)
        if program is None:
            program = compile_it()
            _write(path, program)
        return program


def _read(path: Path) -> Any:
    """The program in a file, or None."""
    try:
        payload, inputs, outputs = pickle.loads(path.read_bytes())
        native.register_call_targets()
        return serialize_executable.deserialize_and_load(payload, inputs, outputs)
    except Exception:  # a damaged file can fail in any way, and is written again
        return None


def _write(path: Path, program: Any) -> None:
    """Where the folder cannot be written, the next start compiles again."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with contextlib.suppress(OSError):
        partial.write_bytes(pickle.dumps(serialize_executable.serialize(program)))
        partial.replace(path)


@functools.cache
def _environment() -> str:
    """What all programs depend on."""
    package = Path(__file__).parent
    code = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        code.update(path.read_bytes())
    versions = [importlib.metadata.version(name) for name in ("jax", "jaxlib", "flax")]
    flags = os.environ.get("XLA_FLAGS", "")
    return "\n".join([code.hexdigest(), *versions, native.description(), flags, processor_id()])
