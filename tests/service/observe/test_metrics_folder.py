"""Folders of metrics are removed, also those of servers that were killed."""

import os
import signal
import subprocess
import sys

import pytest

from service.observe.metrics_folder import hold_folder, metrics_folder
from support.paths import ROOT


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_removed_at_the_end(temporary):
    with metrics_folder() as folder, metrics_folder() as other:
        assert {*temporary.iterdir()} == {folder, other}
        (folder / "counter_1.db").touch()
    assert not [*temporary.iterdir()]


def test_only_what_nobody_uses_is_removed(temporary, tmp_path_factory):
    """Fails if the folder of a running server, a file, or the target of a link is removed."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "precious").touch()
    names = [f"textrnn-metrics-{name}" for name in ("left", "held", "file", "link")]
    left, held, file, link = (temporary / name for name in names)
    left.mkdir()
    (left / "counter_1.db").touch()
    held.mkdir()
    file.touch()
    link.symlink_to(elsewhere)
    descriptor = hold_folder(held)
    with metrics_folder() as folder:
        assert {*temporary.iterdir()} == {held, file, link, folder}
    assert (elsewhere / "precious").exists()
    os.close(descriptor)


def test_a_killed_process_leaves_nothing_to_the_next(temporary):
    """Fails if a dead process keeps its folder."""
    code = (
        "import sys\nfrom service.observe.metrics_folder import metrics_folder\n"
        "with metrics_folder() as folder: print(folder, flush=True), sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
    ) as process:  # fmt: skip
        left = process.stdout.readline().strip()
        with metrics_folder() as folder:
            assert {str(path) for path in temporary.iterdir()} == {left, str(folder)}
        process.send_signal(signal.SIGKILL)
    with metrics_folder() as folder:
        assert [*temporary.iterdir()] == [folder]
