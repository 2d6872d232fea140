"""The lifecycle of models: they warm up, compile the rest of their shapes, and are replaced.

One thread does one thing at a time. Each shape is compiled in its own job, so that a replacement
waits for at most one compilation.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from service.garbage_collection import freeze_garbage_collector
from service.inference.models import ServedModel, load_model, make_all_ready
from service.inference.readiness import Readiness
from service.inference.registry import ModelRegistry
from service.observe.logs import logger
from textrnn.errors import UserError
from textrnn.runtime import can_compile_more


class Lifecycle:
    def __init__(self, models: ModelRegistry, readiness: Readiness):
        self._models = models
        self._readiness = readiness
        self._thread = ThreadPoolExecutor(1, "lifecycle")

    def warm_up(
        self, loaded: Sequence[ServedModel], began: float, on_failure: Callable[[Exception], None]
    ) -> None:
        """Make the default model of each task ready, then the server, then the other models.

        `began` is when the start of the server began, in seconds of the monotonic clock.
        """
        defaults = list({served.info.task: served for served in reversed(loaded)}.values())
        others = [served for served in loaded if served not in defaults]
        self._models.warming = {served.name: served for served in loaded}

        def work() -> None:
            try:
                self._make_ready([served for served in loaded if served in defaults])
                self._readiness.warm = True
                logger.info("ready (%.1f s after the start)", time.monotonic() - began)
                self._make_ready(others)
            except Exception as error:
                on_failure(error)
                return
            for served in loaded:
                self._thread.submit(self._compile_next, served)

        self._thread.submit(work)

    def _make_ready(self, models: Sequence[ServedModel]) -> None:
        for served, seconds in make_all_ready(models):
            self._models.add(served)
            logger.info("%s: warm (%.1f s)", served.name, seconds)

    def reload(self) -> None:
        """Load the models whose directories have changed. A model that cannot be replaced stays."""
        for served in list(self._models.values()):
            self._thread.submit(self._replace, served)

    def close(self) -> None:
        """Wait for the current job. Exiting during a compilation would crash the process."""
        self._thread.shutdown(cancel_futures=True)

    def _compile_next(self, served: ServedModel) -> None:
        """Compile the first shape that is missing, and schedule the next one."""
        predictor = served.predictor
        missing = [s for s in predictor.task.shapes() if s not in predictor.compiled]
        if self._readiness.draining or self._models.get(served.name) is not served:
            return
        if missing and can_compile_more():
            predictor.warm(missing[0])
            self._models.count_compilations(served)
            self._thread.submit(self._compile_next, served)
            return
        if missing:
            logger.info(
                "%s: %d shapes are left out: few memory maps are left", served.name, len(missing)
            )
        else:
            logger.info("%s: all shapes are compiled", served.name)
        freeze_garbage_collector()

    def _replace(self, served: ServedModel) -> None:
        try:
            fresh = load_model(str(served.directory))
            if fresh.info == served.info:
                return
            if (fresh.name, fresh.info.task) != (served.name, served.info.task):
                raise UserError(f"{served.directory}: holds another model now, {fresh.name}")
            fresh.make_ready()
        except Exception as error:
            logger.info("%s: the old one stays: %s", served.name, error)
            return
        self._models.add(fresh)
        logger.info("%s: replaced", served.name)
        self._thread.submit(self._compile_next, fresh)
