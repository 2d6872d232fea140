import errno
import hashlib
import os

import pytest

from support.kills import Killed, kill_at
from textrnn.io.files import digest, replace_directory, set_aside, write_atomically


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


@pytest.mark.parametrize("exchanges", [True, False], ids=["exchange", "two renames"])
@pytest.mark.parametrize("before", ["nothing", "old"])
def test_a_directory_is_complete_after_a_kill_at_any_step(tmp_path, before, exchanges):
    """Killed at the first, second, ... call, then replaced once more in full. Fails if the old
    content is gone before the new one is in place, if both are mixed, or if what a kill leaves
    behind hinders the next replacement."""
    step, killed = 0, True
    while killed:
        root = tmp_path / str(step)
        for name in ("new", "newer") if before == "nothing" else ("new", "newer", "old"):
            (root / name).mkdir(parents=True)
            for part in "ab":
                (root / name / part).write_text(name)
        target = root / "old"
        with pytest.MonkeyPatch.context() as patch:
            kill_at(patch, step, exchanges)
            try:
                replace_directory(root / "new", target)
                killed = False
            except Killed:
                killed = True
        place = target if target.exists() else set_aside(target)
        found = contents(place) if place.exists() else {}
        if found or before == "old":
            assert found in ({"a": name, "b": name} for name in ("old", "new"))
            assert place == target or not exchanges
        replace_directory(root / "newer", target)
        assert contents(target) == {"a": "newer", "b": "newer"}
        assert not set_aside(target).exists()
        assert killed or found == {"a": "new", "b": "new"}
        step += 1
    assert step > 5, "the calls were not wrapped"


def test_digests_are_those_of_hashlib(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert digest(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    assert digest(tmp_path / "a", "md5") == hashlib.md5(b"abc").hexdigest()
