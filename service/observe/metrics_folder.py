"""The folder in which prometheus_client merges the metrics of several workers.

Every process that uses a folder holds a shared lock of it, which the kernel releases however the
process ends. So a folder whose exclusive lock is free belongs to nobody, and the next start removes
it: after SIGKILL the processes that made it could not.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

METRICS_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that tells prometheus_client the folder."""
_PREFIX = "textrnn-metrics-"


@contextmanager
def metrics_folder() -> Iterator[Path]:
    """A new folder, removed at the end. Folders that earlier servers left are removed now."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        _remove_unused(left)
    folder, held = _make_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _make_folder() -> tuple[Path, int]:
    """A new folder, held. Another server that starts may remove it before it is held."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError):
            held = hold_folder(folder)
            if folder.exists():
                return folder, held
            os.close(held)


def hold_folder(folder: Path) -> int:
    """Keep a folder from being removed until this process ends or closes the descriptor."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _remove_unused(folder: Path) -> None:
    """Remove a folder of this user that no process holds."""
    with suppress(OSError):  # another user's, held, no folder, or just removed
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        finally:
            os.close(descriptor)
