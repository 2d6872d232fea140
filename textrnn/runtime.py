"""Process-level settings: memory and the compilation cache."""

import contextlib
import ctypes
import hashlib
import os
import platform
import sys
from pathlib import Path

_HUGE_PAGES = "glibc.malloc.hugetlb=1"
_KEPT = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=68719476736:glibc.malloc.arena_max=1"
"""Freed memory stays with the process: none is mapped on its own or returned, below 64 GiB."""


def tune_allocator(keep: bool = False) -> None:
    """Restart this process with its heap in huge pages, unless it already runs that way; with
    `keep`, memory that was used once is not returned to the system.

    XLA allocates the memory for each run of a program from the heap and frees it afterwards. With
    pages of 4 KiB, page faults took a third of the time of a large batch on CPU. A training step
    would clear the pages that the step before it has freed.
    glibc reads the settings at process start, hence the restart. Does nothing outside Linux.
    """
    if sys.platform != "linux" or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return
    others = os.environ.get("GLIBC_TUNABLES")
    tunables = [*([others] if others else []), _HUGE_PAGES, *([_KEPT] if keep else [])]
    os.environ["GLIBC_TUNABLES"] = ":".join(tunables)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def return_free_memory() -> None:
    """Return what is free on the heap to the system, where the C library can do so (glibc).

    glibc itself returns only what is free at the end of a heap, so most of what compilers and
    loaders used would stay resident.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def enable_compilation_cache() -> None:
    """Have JAX store compiled programs in the user's cache directory, for a faster next start.

    Must be called before JAX is imported. If JAX_COMPILATION_CACHE_DIR is set, it names the
    directory; empty, it disables the cache. A home directory that is not writable disables it too.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = cache / "textrnn" / "programs" / processor_id()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # a user without a home is a RuntimeError
        return
    if os.access(folder, os.W_OK):
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


def program_folder() -> Path | None:
    """The directory of compiled programs, if there is one, for a `ProgramCache`.

    JAX does not use it any more in this process: a program that JAX has read from its own cache
    lacks some of its parts when it is stored again.
    """
    import jax  # `textrnn --version` needs none
    from jax.experimental.compilation_cache.compilation_cache import reset_cache

    folder = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    if not folder:
        return None
    jax.config.update("jax_enable_compilation_cache", False)
    reset_cache()  # JAX looks at the setting only once
    return Path(folder)


def processor_id(system: Path = Path("/proc")) -> str:
    """An identifier of the processor model and its instruction sets.

    A program compiled for one processor may crash on another, and home directories are shared.
    """
    properties = [platform.machine(), platform.processor()]
    with contextlib.suppress(OSError):
        lines = (system / "cpuinfo").read_text().splitlines()
        keys = ("model name", "flags", "Features", "CPU part")
        properties += sorted({line for line in lines if line.startswith(keys)})
    return hashlib.sha256("\n".join(properties).encode()).hexdigest()[:16]
