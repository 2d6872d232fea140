"""The FastAPI application over a hub."""

from importlib.metadata import version

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from service import playground
from service.api import generate, routes
from service.context import ServiceContext
from service.docs import page
from service.docs.openapi import describe_keys
from service.errors import Problem
from service.transport.error_responses import (
    DIALECTS,
    on_defect,
    on_http_exception,
    on_invalid,
    on_problem,
)
from service.transport.middleware import RequestMiddleware


def make_app(context: ServiceContext) -> ASGIApp:
    app = FastAPI(
        title="textrnn",
        summary="Text analytics with recurrent networks.",
        version=version("textrnn"),
        docs_url=None,
        redoc_url=None,
    )
    app.state.context = context
    app.include_router(routes.router)
    app.include_router(generate.router)
    for dialect in DIALECTS:
        app.include_router(dialect.router)
    app.include_router(page.router)
    app.include_router(playground.router)
    app.add_exception_handler(Problem, on_problem)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, on_http_exception)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, on_invalid)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, on_defect)
    if context.settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(context.settings.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-api-key", "x-request-id"],
            expose_headers=["x-request-id", "x-queue-time", "x-inference-time", "retry-after"],
        )
    if context.keys.asked:
        describe_keys(app)
    return RequestMiddleware(app, context)
