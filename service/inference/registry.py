"""The models that are served, by name, and how requests choose one."""

from collections.abc import Iterator, Mapping, Sequence

from service.errors import Problem, unavailable
from service.inference.models import ServedModel
from service.observe.metrics import ServiceMetrics


class ModelRegistry(Mapping[str, ServedModel]):
    """The models that are ready, by name, and those that are warming up. The first of each task is
    its default."""

    def __init__(self, metrics: ServiceMetrics):
        self._metrics = metrics
        self._ready: dict[str, ServedModel] = {}
        self.warming: dict[str, ServedModel] = {}
        """Models that are not ready yet."""

    def __getitem__(self, name: str) -> ServedModel:
        return self._ready[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ready)

    def __len__(self) -> int:
        return len(self._ready)

    def add(self, served: ServedModel) -> None:
        """Serve a model that is ready. It replaces a model with the same name."""
        self._ready[served.name] = served
        self.warming.pop(served.name, None)
        info = served.info
        version = info.files["weights.safetensors"][:12]
        self._metrics.model_info.labels(served.name, info.task, version).set(1)
        self.count_compilations(served)

    def count_compilations(self, served: ServedModel) -> None:
        self._metrics.compilations.labels(served.name).set(served.predictor.compilations)

    def default(self, task: str) -> ServedModel | None:
        """The model of a task that is used if a request names none."""
        return next((s for s in self._ready.values() if s.info.task == task), None)

    def find(self, name: str) -> ServedModel:
        """The model with this name. Raises Problem 404, or 503 for a model that is warming up."""
        served = self._ready.get(name)
        if served is not None:
            return served
        if name in self.warming:
            raise _warming_up()
        raise self.not_found()

    def not_found(self) -> Problem:
        """404 that lists the models."""
        return Problem(404, "model_not_found", f"no such model; there are {', '.join(self)}")

    def select(
        self, task: str, name: str | None, languages: Sequence[str | None] = ()
    ) -> ServedModel:
        """The first model of a task with this name and these languages (source, target), where None
        matches any.

        Raises Problem 400, or 503 for a model that is warming up.
        """
        for served in self._ready.values():
            if served.matches(task, name, languages):
                return served
        if any(served.matches(task, name, languages) for served in self.warming.values()):
            raise _warming_up()
        every = [*self._ready.values(), *self.warming.values()]
        of_task = [served for served in every if served.info.task == task]
        if any(name in (None, served.name) for served in of_task):
            names = ", ".join(f"{' to '.join(s.info.languages)}: {s.name}" for s in of_task)
            raise Problem(400, "wrong_language", f"no model has those languages; there are {names}")
        names = "; ".join(f"{served.info.task}: {served.name}" for served in every)
        reason = f"no model serves {task}" if name is None else f"that is not a model for {task}"
        raise Problem(400, "wrong_model", f"{reason}; there are {names or 'none'}")


def _warming_up() -> Problem:
    return unavailable("that model is warming up; try again in a second")
