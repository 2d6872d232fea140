"""What goes on beside serving: models warm up, compile the rest of their shapes, are replaced.

One thread does one thing at a time. A shape is compiled in a job of its own, so that a replacement
waits for one compilation at most.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from service.context import ServiceContext
from service.garbage_collection import keep_what_is_there
from service.inference import models
from service.inference.models import ServedModel
from service.observe.logs import say
from textrnn.errors import UserError
from textrnn.runtime import can_compile_more


class Lifecycle:
    def __init__(self, context: ServiceContext):
        self._context = context
        self._thread = ThreadPoolExecutor(1, "upkeep")

    def warm_up(
        self, loaded: Sequence[ServedModel], began: float, on_failure: Callable[[Exception], None]
    ) -> None:
        """Make the default model of each task ready, then the hub, then the other models. The time
        said is counted from `began`."""
        defaults = list({served.info.task: served for served in reversed(loaded)}.values())
        others = [served for served in loaded if served not in defaults]
        self._context.warming = {served.name: served for served in loaded}

        def work() -> None:
            try:
                self._make_ready([served for served in loaded if served in defaults])
                self._context.ready = True
                say(f"ready ({time.monotonic() - began:.1f} s after the start)")
                self._make_ready(others)
            except Exception as error:
                on_failure(error)
                return
            for served in loaded:
                self._thread.submit(self._compile_next, served)

        self._thread.submit(work)

    def _make_ready(self, part: Sequence[ServedModel]) -> None:
        for served, seconds in models.make_all_ready(part):
            self._context.add(served)
            say(f"{served.name}: warm ({seconds:.1f} s)")

    def reload(self) -> None:
        """Serve what lies in the models' directories now; what cannot be replaced stays."""
        for served in list(self._context.models.values()):
            self._thread.submit(self._replace, served)

    def close(self) -> None:
        """End after what is under way. To leave a compilation running would crash the exit."""
        self._thread.shutdown(cancel_futures=True)

    def _compile_next(self, served: ServedModel) -> None:
        """Compile one more shape, the first that is missing, and see to it that more follow."""
        predictor = served.predictor
        missing = [s for s in predictor.task.shapes() if s not in predictor.compiled]
        if self._context.draining or self._context.models.get(served.name) is not served:
            return
        if missing and can_compile_more():
            predictor.warm(missing[0])
            self._context.count_compilations(served)
            self._thread.submit(self._compile_next, served)
            return
        if missing:
            say(f"{served.name}: {len(missing)} shapes are left out: few memory maps are left")
        else:
            say(f"{served.name}: all shapes are compiled")
        keep_what_is_there()

    def _replace(self, served: ServedModel) -> None:
        try:
            fresh = models.load_one(str(served.directory))
            if fresh.info == served.info:
                return
            if (fresh.name, fresh.info.task) != (served.name, served.info.task):
                raise UserError(f"{served.directory}: holds another model now, {fresh.name}")
            fresh.make_ready()
        except Exception as error:
            say(f"{served.name}: the old one stays: {error}")
            return
        self._context.add(fresh)
        say(f"{served.name}: replaced")
        self._thread.submit(self._compile_next, fresh)
