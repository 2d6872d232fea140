"""The log, waited for."""

import contextlib
import logging
import threading


@contextlib.contextmanager
def expecting(part):
    """An event that is set by the first line with this part."""
    seen = threading.Event()

    class Ear(logging.Handler):
        def emit(self, record):
            if part in record.getMessage():
                seen.set()

    logger, ear = logging.getLogger("textrnn"), Ear()
    level = logger.level
    logger.addHandler(ear)
    logger.setLevel(logging.INFO)
    try:
        yield seen
    finally:
        logger.removeHandler(ear)
        logger.setLevel(level)
