"""Compiled programs on disk, so that the next start neither traces nor compiles them.

JAX's own cache finds a program by its traced form. Tracing takes Python longer than reading the
compiled program, so here it is found by what it is made from: the model, the code, the versions of
JAX, the engine and the processor.
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import pickle
from pathlib import Path
from typing import Any

from jax.experimental import serialize_executable

from textrnn import native
from textrnn.batching import Shape
from textrnn.runtime import processor_id


class ProgramCache:
    """The programs of one model in a folder.

    Entries are pickled, like those of JAX's cache, so others must not be able to write there.
    """

    def __init__(self, folder: Path, model: str):
        """`model` is whatever identifies the model."""
        self._folder = folder
        self._model = model

    def load(self, shape: Shape) -> Any:
        """The program of a shape, or None."""
        try:
            payload, inputs, outputs = pickle.loads(self._path(shape).read_bytes())
            native.register_call_targets()
            return serialize_executable.deserialize_and_load(payload, inputs, outputs)
        except Exception:  # a damaged entry can fail in any way, and is compiled and written again
            return None

    def store(self, shape: Shape, program: Any) -> None:
        """Add a program. Where the folder cannot be written, the next start compiles again."""
        path = self._path(shape)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        with contextlib.suppress(OSError):
            partial.write_bytes(pickle.dumps(serialize_executable.serialize(program)))
            partial.replace(path)

    def _path(self, shape: Shape) -> Path:
        key = hashlib.sha256(f"{_environment()}\n{self._model}\n{shape}".encode())
        return self._folder / f"textrnn-{key.hexdigest()}"


@functools.cache
def _environment() -> str:
    """What a program depends on besides its model."""
    package = Path(__file__).parent
    code = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        code.update(path.read_bytes())
    versions = [importlib.metadata.version(name) for name in ("jax", "jaxlib", "flax")]
    flags = os.environ.get("XLA_FLAGS", "")
    return "\n".join([code.hexdigest(), *versions, native.description(), flags, processor_id()])
