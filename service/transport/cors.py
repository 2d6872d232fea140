"""Cross-origin resource sharing (CORS): which pages of other origins may read responses."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

_ANY = "*"
_REQUEST_HEADERS = ("authorization", "content-type", "x-api-key", "x-request-id")
_EXPOSED_HEADERS = ("x-request-id", "x-queue-time", "x-inference-time", "retry-after")


def with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """An application whose responses pages of these origins may read."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=_REQUEST_HEADERS,
        expose_headers=_EXPOSED_HEADERS,
    )


def cors_headers(origins: Sequence[str], origin: str) -> dict[str, str]:
    """The same headers for where there is no application: of a response to a page of an origin."""
    if not (origins and origin):
        return {}
    headers = {"access-control-expose-headers": ", ".join(_EXPOSED_HEADERS), "vary": "Origin"}
    if _ANY in origins or origin in origins:
        headers["access-control-allow-origin"] = _ANY if _ANY in origins else origin
    return headers
