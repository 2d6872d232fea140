"""Requests that run models are dispatched here, all others by FastAPI.

FastAPI documents every route. To call one, it passes some ten layers of middleware, routing and
dependencies, which take longer than all other work on a short request together. A route that runs a
model needs only its body: it is parsed and validated once, then the route is called.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.dialect import Dialect
from service.errors import Problem, internal_error, invalid_request
from service.inference.context import ServiceContext
from service.observe.logs import logger
from service.transport.json_body import parse_json
from service.transport.routes import Match, dialect_routes


@dataclass(frozen=True)
class DirectRoute:
    """A POST route whose only parameters are `body`, `request`, `context` and those of its path."""

    route: APIRoute
    dialect: Dialect
    body_type: type[BaseModel] | None
    """None if the route reads the body itself."""

    @classmethod
    def of(cls, route: APIRoute, dialect: Dialect) -> Self | None:
        """None for a route with other methods or parameters."""
        parameters = inspect.signature(route.endpoint).parameters
        known = {"body", "request", "context", *route.param_convertors}
        if route.methods != {"POST"} or not known.issuperset(parameters):
            return None
        body = parameters.get("body")
        return cls(route, dialect, body.annotation if body else None)

    async def respond(
        self, path_parameters: Mapping[str, str], request: Request, context: ServiceContext
    ) -> Response:
        """The response of the route. Raises Problem."""
        arguments = {**path_parameters, "request": request, "context": context}
        if self.body_type is not None:
            message = await request.receive()  # `Admission.read_body` delivers it as one message
            arguments["body"] = _parse(self.body_type, message["body"])
        return await self.route.endpoint(**arguments)


class Dispatcher:
    """Calls direct routes, and an application for all other requests."""

    def __init__(self, app: ASGIApp, context: ServiceContext, dialects: Sequence[Dialect]):
        self._app = app
        self._context = context
        self._direct: dict[str, DirectRoute] = {}
        """By path, with its parameters by name."""
        for dialect in dialects:
            for route in dialect_routes([dialect]):
                direct = DirectRoute.of(route, dialect) if isinstance(route, APIRoute) else None
                if direct is not None:
                    self._direct[direct.route.path] = direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match: Match = scope["state"]["match"]
        direct = self.find(scope["method"], match.resource.path)
        if direct is None:
            return await self._app(scope, receive, send)
        try:
            request = Request(scope, receive)
            response = await direct.respond(match.parameters, request, self._context)
        except Problem as problem:
            response = _error_response(direct, problem, scope)
        except Exception:
            logger.exception("request %s failed", scope["state"]["request_id"])
            response = _error_response(direct, internal_error(), scope)
        await response(scope, receive, send)

    def find(self, method: str, path: str) -> DirectRoute | None:
        """The direct route of a method and a path with its parameters by name, if it is one."""
        return self._direct.get(path) if method == "POST" else None


def _parse(body_type: type[BaseModel], body: bytes) -> BaseModel:
    """The validated body. Raises Problem 422."""
    try:
        return body_type.model_validate(parse_json(body))
    except ValidationError as error:
        raise invalid_request(error) from None


def _error_response(direct: DirectRoute, problem: Problem, scope: Scope) -> Response:
    return direct.dialect.error_response(problem, scope["path"], scope["state"]["request_id"])
