"""What the operating system is asked for: pages and maps of memory, and a place for programs."""

import contextlib
import hashlib
import os
import platform
import sys
from pathlib import Path

_TUNABLE = "glibc.malloc.hugetlb=1"


def use_huge_pages() -> None:
    """Start this process again with its heap in huge pages, where that is not so yet.

    XLA takes the memory of each run of a program from the heap and gives it back after it. With
    pages of 4 KiB, the kernel's work for them was a third of the time of a large batch on CPU.
    glibc reads the setting when a process starts, hence the new one; elsewhere it does nothing.
    """
    if sys.platform != "linux" or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return
    others = os.environ.get("GLIBC_TUNABLES")
    os.environ["GLIBC_TUNABLES"] = f"{others}:{_TUNABLE}" if others else _TUNABLE
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def remember_programs() -> None:
    """Have JAX keep what it compiles in the user's cache, so that the next start need not.

    To be called before JAX is imported. JAX_COMPILATION_CACHE_DIR, where it is set, says where, or,
    empty, that nothing is kept; so does a home that cannot be written to.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = cache / "textrnn" / "programs" / processor()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # a user without a home is a RuntimeError
        return
    if os.access(folder, os.W_OK):
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


def processor(system: Path = Path("/proc")) -> str:
    """A name for the kind of processor. What is compiled for one may crash on another, and homes
    move between machines."""
    about = [platform.machine(), platform.processor()]
    with contextlib.suppress(OSError):
        lines = (system / "cpuinfo").read_text().splitlines()
        kinds = ("model name", "flags", "Features", "CPU part")
        about += sorted({line for line in lines if line.startswith(kinds)})
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:16]


def room_for_programs(system: Path = Path("/proc")) -> bool:
    """Whether this process may compile programs that it can do without.

    A compiled program takes 70 to 300 maps of memory, of which Linux gives a process 65,530; where
    none is left, the compiler ends the process. Half of them are kept free for what must be
    compiled: models that are replaced.
    """
    try:
        most = int((system / "sys/vm/max_map_count").read_text())
        with (system / "self/maps").open("rb") as maps:
            return sum(1 for _ in maps) < most / 2
    except OSError:
        return True  # not Linux
