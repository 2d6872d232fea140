"""What the routes share: the models, the batcher, and whether work is taken."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from service.api import responses
from service.auth import ApiKeys
from service.errors import Problem
from service.inference.batcher import Batcher
from service.inference.models import ServedModel
from service.inference.queue_limits import QueueLimits
from service.inference.signed_state import StateSigner
from service.observe.metrics import ServiceMetrics
from service.settings import Settings
from service.transport.pacing import Pacer

log = logging.getLogger("textrnn.service")


@dataclass
class ServiceContext:
    settings: Settings
    metrics: ServiceMetrics
    models: dict[str, ServedModel] = field(default_factory=dict)
    warming: dict[str, ServedModel] = field(default_factory=dict)
    """Models that are not ready yet, while others are."""
    ready: bool = False
    draining: bool = False

    def __post_init__(self) -> None:
        settings = self.settings
        room = QueueLimits(settings.queue_rows, settings.queue_tokens, settings.queue_seconds)
        self.batcher = Batcher(room, self.metrics)
        self.state_signer = StateSigner(settings)
        self.keys = ApiKeys(settings)
        self.pacer = Pacer()

    def refusal(self) -> str | None:
        """Why no work is taken at present, if so."""
        if self.draining:
            return "the server is shutting down; try another one"
        return None if self.ready else "the models are warming up; try again in a second"

    def pick(
        self, task: str, name: str | None, languages: Sequence[str | None] = ()
    ) -> ServedModel:
        """The first model of a task that has this name and these languages (from, to); None is any.

        Raises Problem 400, or 503 for a model that is not ready yet.
        """

        def fits(served: ServedModel) -> bool:
            pairs = zip(languages, served.info.languages, strict=False)
            return (
                served.info.task == task
                and name in (None, served.name)
                and all(wanted in (None, there) for wanted, there in pairs)
            )

        for served in self.models.values():
            if fits(served):
                return served
        if any(fits(served) for served in self.warming.values()):
            raise Problem(
                503, "unavailable", "that model is warming up; try again in a second",
                headers={"retry-after": "1"},
            )  # fmt: skip
        every = [*self.models.values(), *self.warming.values()]
        of_task = [served for served in every if served.info.task == task]
        if any(name in (None, served.name) for served in of_task):
            there = ", ".join(f"{' to '.join(s.info.languages)}: {s.name}" for s in of_task)
            raise Problem(400, "wrong_language", f"no model has those languages; there are {there}")
        there = "; ".join(f"{served.info.task}: {served.name}" for served in every)
        what = f"no model serves {task}" if name is None else f"that is not a model for {task}"
        raise Problem(400, "wrong_model", f"{what}; there are {there or 'none'}")

    def card(self, served: ServedModel) -> responses.ModelCard:
        info = served.info
        first = next(s for s in self.models.values() if s.info.task == info.task)
        labels = info.config.get("labels")
        return responses.ModelCard(
            id=served.name,
            created=served.created,
            task=info.task,
            description=info.description,
            languages=list(info.languages),
            labels=labels,
            cells=info.config["encoder"]["hidden"] if info.task == "generate" else None,
            metrics=info.metrics,
            limits=responses.ModelLimits(
                tokens=served.predictor.task.limit, texts=self.settings.texts
            ),
            default=first is served,
        )

    def add(self, served: ServedModel) -> None:
        """Serve a model that is ready, in the place of one of its name."""
        self.models[served.name] = served
        self.warming.pop(served.name, None)
        info = served.info
        version = info.files["weights.safetensors"][:12]
        self.metrics.model_info.labels(served.name, info.task, version).set(1)
        self.count_compilations(served)

    def count_compilations(self, served: ServedModel) -> None:
        self.metrics.compilations.labels(served.name).set(served.predictor.compilations)
