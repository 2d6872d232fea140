"""Crash-safe replacement of files and directories, and digests of files."""

import ctypes
import errno
import hashlib
import os
import shutil
from pathlib import Path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # <fcntl.h> and <stdio.h> of Linux


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text so that after a crash `path` has either its old or its new content."""
    partial = with_suffix_added(path, ".new")
    partial.write_text(text, encoding="utf-8")
    replace_file(partial, path)


def replace_file(new: Path, target: Path) -> None:
    """Move a file to `target`, on the same file system, once its content is on disk."""
    sync(new)
    new.replace(target)
    sync(target.parent)


def replace_directory(new: Path, target: Path) -> None:
    """Move a directory to `target`, on the same file system, once its content is on disk.

    Whenever the process is killed, the old or the new content is complete at `target`. Only on file
    systems that cannot exchange two directories it may be at `set_aside(target)` instead.
    """
    for path in [*new.rglob("*"), new]:
        sync(path)
    aside = set_aside(target)
    if target.exists():
        if aside.exists():
            shutil.rmtree(aside)
        try:
            _exchange(new, target)
        except OSError:
            target.rename(aside)
            new.rename(target)
    else:
        new.rename(target)
    sync(target.parent)
    for old in (new, aside):
        if old.exists():
            shutil.rmtree(old)


def set_aside(target: Path) -> Path:
    """Where `replace_directory` may put what is at `target`, for the moment between two renames."""
    return target.with_name(f".{target.name}.old")


def _exchange(one: Path, other: Path) -> None:
    """Exchange two directories in one step: renameat2(2), which is in no module of Python.

    Raises OSError where the system or the file system does not have it."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    paths = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    if renameat2(*paths, _RENAME_EXCHANGE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(one))


def sync(path: Path) -> None:
    """Flush a file, or the entries of a directory, to disk (fsync)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest(path: Path, algorithm: str = "sha256") -> str:
    """The hexadecimal digest of a file's content, by an algorithm that hashlib knows."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def with_suffix_added(path: Path, suffix: str) -> Path:
    """The sibling of `path` with `suffix` after its whole name."""
    return path.with_name(path.name + suffix)
