"""The FastAPI application: routes of all dialects, error handlers and middleware."""

from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from service import playground
from service.api.native import NATIVE
from service.dialects.huggingface.routes import HUGGINGFACE
from service.dialects.libretranslate.routes import LIBRETRANSLATE
from service.dialects.openai.routes import OPENAI
from service.docs import page
from service.docs.openapi import add_security_schemes
from service.inference.context import ServiceContext
from service.transport.cors import with_cors
from service.transport.dispatch import Dispatcher
from service.transport.error_responses import add_error_handlers
from service.transport.middleware import AdmissionMiddleware, RequestMiddleware
from service.transport.routes import RouteTable, dialect_routes, routes_of

DIALECTS = (LIBRETRANSLATE, OPENAI, HUGGINGFACE, NATIVE)
"""The APIs of the server. The last one has all paths that belong to no other."""


def make_app(context: ServiceContext) -> ASGIApp:
    app = FastAPI(
        title="textrnn",
        summary="Text analytics with recurrent networks.",
        version=version("textrnn"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    document = app.routes[:]  # /openapi.json
    app.state.context = context
    for dialect in reversed(DIALECTS):  # the native routes are matched first
        for router in dialect.routers:
            app.include_router(router)
    app.include_router(page.router)
    app.include_router(playground.router)
    add_error_handlers(app, DIALECTS)
    if context.admission.keys.required:
        add_security_schemes(app)
    pages = routes_of([*document, *page.router.routes, *playground.router.routes])
    routes = RouteTable([*dialect_routes(DIALECTS), *pages])
    admitted = AdmissionMiddleware(
        Dispatcher(app, context, DIALECTS), routes, context.admission, DIALECTS
    )
    readable = with_cors(admitted, context.settings.cors_origins)
    return RequestMiddleware(readable, routes, context.readiness, context.metrics)
