"""The APIs of the server. All of them use the same models and limits.

A new dialect is a folder in `service/dialects` that declares a `Dialect`, and an entry in
`service.app.DIALECTS`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from service.errors import Problem


@dataclass(frozen=True)
class Dialect:
    """One API: its routes, its paths and the form of its errors."""

    name: str
    routers: Sequence[APIRouter]
    paths: re.Pattern[str]
    """Matches the beginning of the paths that belong to this dialect."""
    error_response: Callable[[Problem, str, str], JSONResponse]
    """The response to a problem, from the problem, the path and the id of the request."""
    content_types: frozenset[str] = frozenset({"application/json"})
    """Media types of request bodies."""
    key_in_body: bool = False
    """Whether clients may send the API key in the body, so that the routes check it."""


def dialect_of(path: str, dialects: Sequence[Dialect]) -> Dialect:
    """The first dialect to which a path belongs. The last one has to match every path."""
    for dialect in dialects:
        if dialect.paths.match(path):
            return dialect
    raise LookupError(f"no dialect for {path!r}")
