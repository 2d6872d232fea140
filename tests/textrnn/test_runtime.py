import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from textrnn.runtime import processor_id, return_free_memory, tune_allocator


def compile_one(**environment):
    """Compile one program in a process of its own; returns its cache directory."""
    others = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XDG_"))}
    code = (
        "from textrnn import runtime; runtime.enable_compilation_cache(); import jax, os;"
        "jax.jit(lambda x: x + 1)(1.0).block_until_ready();"
        "print(os.environ.get('JAX_COMPILATION_CACHE_DIR', 'none'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=others | environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def programs(folder):
    return {path.name for path in folder.rglob("*-cache")}


@pytest.mark.process
def test_compiled_programs_are_cached(tmp_path):
    """Fails if each start recompiles, or if processor models share compiled programs."""
    folder = tmp_path / "textrnn/programs" / processor_id()
    assert compile_one(XDG_CACHE_HOME=str(tmp_path)) == str(folder)
    kept = programs(folder)
    assert kept
    compile_one(XDG_CACHE_HOME=str(tmp_path))
    assert programs(folder) == kept


@pytest.mark.process
def test_the_cache_directory_can_be_set(tmp_path):
    chosen = str(tmp_path / "mine")
    reported = compile_one(XDG_CACHE_HOME=str(tmp_path), JAX_COMPILATION_CACHE_DIR=chosen)
    assert reported == chosen
    assert compile_one(XDG_CACHE_HOME=str(tmp_path), JAX_COMPILATION_CACHE_DIR="") == ""
    assert not (tmp_path / "textrnn").exists()


@pytest.mark.parametrize("home", ["/dev/null", "/proc"])
@pytest.mark.process
def test_an_unwritable_home_disables_the_cache(home):
    assert compile_one(HOME=home) == "none"


def test_processors_have_distinct_identifiers(tmp_path):
    names = set()
    for number, flags in enumerate(("fpu avx2", "fpu avx2 avx512f", "fpu avx2 avx512f")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "cpuinfo").write_text(f"processor: {number}\nMHz: {number}\nflags: {flags}\n")
        names.add(processor_id(folder))
    assert len(names) == 2


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc"
)
def test_free_memory_is_returned_to_the_system():
    """Fails if memory that lies between blocks in use stays resident when it is free."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    size, count = 100_000, 1000
    blocks = [libc.malloc(size) for _ in range(count)]
    for block in blocks:
        ctypes.memset(block, 1, size)
    kept = blocks.pop()
    for block in blocks:
        libc.free(block)
    before = resident()
    return_free_memory()
    assert before - resident() > size * count / 2
    libc.free(kept)


def resident():
    """Bytes of this process in memory."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


FAULTS = """
import resource
from textrnn.runtime import tune_allocator
tune_allocator(keep={keep})
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
used = bytearray(b"x" * 2**27)
del used
before = faults()
for _ in range(8):
    bytearray(b"x" * 2**27)
print(faults() - before)
"""


@pytest.mark.process
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the settings are those of glibc")
def test_freed_memory_is_kept_if_asked_for(tmp_path):
    """Fails if memory that each step of a training frees is mapped and cleared for the next one, or
    if a server keeps what it has freed."""
    faults = {}
    for keep in (True, False):
        script = tmp_path / f"{keep}.py"
        script.write_text(FAULTS.format(keep=keep))
        others = {k: v for k, v in os.environ.items() if k != "GLIBC_TUNABLES"}
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, env=others, check=True
        )
        faults[keep] = int(done.stdout)
    assert faults[True] < faults[False] / 4, faults


def test_a_process_that_is_tuned_is_not_restarted(monkeypatch):
    """Fails if a command restarts for ever, or settings of the user are lost."""
    restarts = []
    monkeypatch.setattr(os, "execv", lambda *arguments: restarts.append(arguments))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.cpu.x86_ibt=off")
    tune_allocator()
    assert os.environ["GLIBC_TUNABLES"] == "glibc.cpu.x86_ibt=off:glibc.malloc.hugetlb=1"
    tune_allocator(keep=True)
    assert len(restarts) == 1
