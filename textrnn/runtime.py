"""What the operating system has to be asked of: memory pages, and maps of memory."""

import os
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
