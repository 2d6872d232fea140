"""The lifecycle of models: they are made ready before the server is, and replaced while it runs."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from service.garbage_collection import freeze_garbage_collector
from service.inference.models import ServedModel, load_model
from service.inference.readiness import Readiness
from service.inference.registry import ModelRegistry
from service.observe.logs import logger
from textrnn.errors import UserError
from textrnn.program_cache import ProgramCache
from textrnn.runtime import return_free_memory


class Lifecycle:
    """One thread that does one thing at a time, so that reloads do not overlap."""

    def __init__(self, models: ModelRegistry, readiness: Readiness, programs: Path | None = None):
        """`programs` is a folder of compiled programs, if they are stored."""
        self._models = models
        self._readiness = readiness
        self._programs = ProgramCache(programs)
        self._thread = ThreadPoolExecutor(1, "lifecycle")

    def warm_up(
        self, loaded: Sequence[ServedModel], began: float, on_failure: Callable[[Exception], None]
    ) -> None:
        """Make all models ready, then the server.

        `began` is when the start of the server began, in seconds of the monotonic clock.
        """

        def work() -> None:
            try:
                with ThreadPoolExecutor() as pool:
                    list(pool.map(lambda served: served.make_ready(self._programs), loaded))
            except Exception as error:
                on_failure(error)
                return
            freeze_garbage_collector()
            return_free_memory()
            self._readiness.warm = True
            logger.info("ready (%.1f s after the start)", time.monotonic() - began)

        self._thread.submit(work)

    def reload(self) -> None:
        """Load the models whose directories have changed. A model that cannot be replaced stays."""
        for served in list(self._models.values()):
            self._thread.submit(self._replace, served)

    def close(self) -> None:
        """Wait for the current job. Exiting during a compilation would crash the process."""
        self._thread.shutdown(cancel_futures=True)

    def _replace(self, served: ServedModel) -> None:
        try:
            fresh = load_model(str(served.directory))
            if fresh.info == served.info:
                return
            if (fresh.name, fresh.info.task) != (served.name, served.info.task):
                raise UserError(f"{served.directory}: holds another model now, {fresh.name}")
            fresh.make_ready(self._programs)
        except Exception as error:
            logger.info("%s: the old one stays: %s", served.name, error)
            return
        self._models.add(fresh)
        freeze_garbage_collector(again=True)
        return_free_memory()
        logger.info("%s: replaced", served.name)
