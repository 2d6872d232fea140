"""Crash-safe replacement of files and directories, and digests of files."""

import hashlib
import os
import shutil
from pathlib import Path


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

    A directory at `target` is removed only after the new one has taken its place.
    """
    for path in [*new.rglob("*"), new]:
        sync(path)
    old = target.with_name(f".{target.name}.old")
    if old.exists():
        shutil.rmtree(old)
    if target.exists():
        target.rename(old)
    new.rename(target)
    sync(target.parent)
    if old.exists():
        shutil.rmtree(old)


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
