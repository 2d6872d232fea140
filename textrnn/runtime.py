"""Process settings that must stand before the first array is made."""

import os
import sys

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
