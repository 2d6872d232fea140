"""The models that are served, by name, and how requests choose one."""

from collections.abc import Iterator, Mapping, Sequence

from service.errors import Problem
from service.inference.models import ServedModel
from service.observe.metrics import ServiceMetrics


class ModelRegistry(Mapping[str, ServedModel]):
    """The served models by name. The first of each task is its default."""

    def __init__(self, metrics: ServiceMetrics):
        self._metrics = metrics
        self._models: dict[str, ServedModel] = {}

    def __getitem__(self, name: str) -> ServedModel:
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def add(self, served: ServedModel) -> None:
        """Serve a model. It replaces a model with the same name."""
        self._models[served.name] = served
        info = served.info
        version = info.files["weights.safetensors"][:12]
        self._metrics.model_info.labels(served.name, info.task, version).set(1)

    def default(self, task: str) -> ServedModel | None:
        """The model of a task that is used if a request names none."""
        return next((s for s in self._models.values() if s.info.task == task), None)

    def find(self, name: str) -> ServedModel:
        """The model with this name. Raises Problem 404."""
        served = self._models.get(name)
        if served is None:
            raise self.not_found()
        return served

    def not_found(self) -> Problem:
        """404 that lists the models."""
        return Problem(404, "model_not_found", f"no such model; there are {', '.join(self)}")

    def select(
        self, task: str, name: str | None, languages: Sequence[str | None] = ()
    ) -> ServedModel:
        """The first model of a task with this name and these languages (source, target), where None
        matches any.

        Raises Problem 400.
        """
        for served in self._models.values():
            if served.matches(task, name, languages):
                return served
        of_task = [served for served in self._models.values() if served.info.task == task]
        if any(name in (None, served.name) for served in of_task):
            names = ", ".join(f"{' to '.join(s.info.languages)}: {s.name}" for s in of_task)
            raise Problem(400, "wrong_language", f"no model has those languages; there are {names}")
        names = "; ".join(f"{served.info.task}: {served.name}" for served in self._models.values())
        reason = f"no model serves {task}" if name is None else f"that is not a model for {task}"
        raise Problem(400, "wrong_model", f"{reason}; there are {names or 'none'}")
