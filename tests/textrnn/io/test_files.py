import errno
import hashlib
import os

import pytest

from textrnn.io.files import digest, replace_directory, write_atomically


def contents(directory):
    return {path.name: path.read_text() for path in directory.iterdir() if path.is_file()}


def test_a_failed_write_leaves_the_old_content(tmp_path, monkeypatch):
    """Fails if the file is modified in place, or replaced before its new content is on disk."""
    path = tmp_path / "a.json"
    write_atomically(path, "old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    monkeypatch.undo()
    write_atomically(path, "new")
    assert contents(tmp_path) == {"a.json": "new"}


def test_a_directory_is_replaced_atomically(tmp_path, monkeypatch):
    """Fails if files of the old directory remain, or if a rename precedes the sync to disk."""
    for name in ("old", "new"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / f"{name}.txt").write_text(name)
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(handle) or real(handle))
    replace_directory(tmp_path / "new", tmp_path / "old")
    assert contents(tmp_path / "old") == {"new.txt": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert len(synced) == 4, "the file, both directories, and the parent with the new name"


def test_digests_are_those_of_hashlib(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert digest(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    assert digest(tmp_path / "a", "md5") == hashlib.md5(b"abc").hexdigest()
