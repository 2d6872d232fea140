"""Waiting for a line of the log."""

import contextlib
import logging
import threading


@contextlib.contextmanager
def expecting(part):
    """Yields an event that is set by the first line that contains this part."""
    seen = threading.Event()

    class Watcher(logging.Handler):
        def emit(self, record):
            if part in record.getMessage():
                seen.set()

    logger, watcher = logging.getLogger("textrnn"), Watcher()
    level = logger.level
    logger.addHandler(watcher)
    logger.setLevel(logging.INFO)
    try:
        yield seen
    finally:
        logger.removeHandler(watcher)
        logger.setLevel(level)
