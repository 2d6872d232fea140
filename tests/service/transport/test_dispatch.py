"""Routes that run models are called without FastAPI, and behave as FastAPI documents them."""

import pytest
from fastapi.routing import APIRoute
from starlette.responses import PlainTextResponse

from service.app import DIALECTS
from service.transport.dispatch import Dispatcher
from service.transport.routes import dialect_routes
from support.http_calls import JSON, ROUTE, call

POST_ROUTES = [
    route
    for route in dialect_routes(DIALECTS)
    if isinstance(route, APIRoute) and route.methods == {"POST"}
]


@pytest.mark.parametrize("route", POST_ROUTES, ids=lambda route: route.path)
def test_every_route_that_runs_a_model_is_direct(context, route):
    """Fails if a parameter of a route sends its requests through FastAPI."""
    dispatcher = Dispatcher(PlainTextResponse("FastAPI"), context, DIALECTS)
    assert dispatcher.find("POST", route.path).route is route
    assert dispatcher.find("GET", route.path) is None


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{}", 422), (b"{", 422), (b'{"text": "a", "model": "nope"}', 400), (b'{"text": "a"}', 200)],
)
def test_pages_of_other_origins_can_read_every_response(make_context, content, status):
    """Fails if an error passes by the headers of CORS."""
    context = make_context(cors_origins="https://a.example")
    headers = {**JSON, "origin": "https://a.example"}
    response = call(context, "POST", ROUTE, content=content, headers=headers)
    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] == "https://a.example"
    assert response.headers["x-request-id"]


def test_a_defect_is_logged_once_and_answered(make_context, served, monkeypatch, caplog):
    """Fails if an exception of a route reaches the server instead of the client."""

    def broken(*_):
        raise RuntimeError("private words")

    monkeypatch.setattr(type(served.predictor.task), "read", broken)
    response = call(make_context(), "POST", ROUTE, json={"text": "a"})
    assert response.status_code == 500
    assert response.json()["code"] == "internal"
    assert "private words" not in response.text
    assert sum(record.exc_info is not None for record in caplog.records) == 1
