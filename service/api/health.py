"""GET /healthz, /readyz and /metrics: for orchestrators and monitoring."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.api.responses import PROBLEM, ResponseModel
from service.inference.context import Context

router = APIRouter()


class Status(ResponseModel):
    status: str


@router.get("/healthz", response_model=Status)
async def healthz() -> Status:
    """Liveness: the process runs."""
    return Status(status="ok")


@router.get("/readyz", response_model=Status, responses={503: PROBLEM})
async def readyz(context: Context) -> Status:
    """Readiness: 503 until all models are ready, and while the server shuts down."""
    context.readiness.check()
    return Status(status="ready")


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(context: Context) -> Response:
    """Metrics for Prometheus."""
    return Response(context.metrics.render(), media_type=CONTENT_TYPE_LATEST)
