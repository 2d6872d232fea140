"""The parts of the service that routes share, put together from the settings."""

from typing import Annotated

from fastapi import Depends, Request

from service.inference.admission import Admission
from service.inference.batcher import Batcher
from service.inference.readiness import Readiness
from service.inference.registry import ModelRegistry
from service.inference.signed_state import StateSigner
from service.observe.metrics import ServiceMetrics
from service.settings import Settings


class ServiceContext:
    def __init__(self, settings: Settings, metrics: ServiceMetrics):
        self.settings = settings
        self.metrics = metrics
        self.models = ModelRegistry(metrics)
        self.readiness = Readiness()
        self.admission = Admission(settings, metrics, self.readiness)
        self.batcher = Batcher(self.admission, metrics)
        self.state_signer = StateSigner(settings)


async def get_context(request: Request) -> ServiceContext:
    """A coroutine, since FastAPI calls plain functions in a thread."""
    return request.app.state.context


Context = Annotated[ServiceContext, Depends(get_context)]
