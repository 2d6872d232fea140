"""A lock on a file that is being written, which ends with the process that holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from textrnn.errors import UserError
from textrnn.io.files import with_suffix_added


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock PATH.lock. Raises UserError if another process holds it.

    The operating system releases the lock of a process that dies, and a lock file without a process
    is no obstacle.
    """
    lock = with_suffix_added(path, ".lock")
    try:
        handle = _acquire(lock)
    except BlockingIOError:
        raise UserError(
            f"{path}: another process is writing this file; wait for it, or choose another output"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        try:
            lock.unlink(missing_ok=True)
        finally:
            os.close(handle)


def _acquire(lock: Path) -> int:
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), lock.stat()):
                return handle
        except FileNotFoundError:
            pass  # its holder removed the file before this process got the lock
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
