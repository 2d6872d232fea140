"""What there is at each path, which is known before a request is checked or routed.

So a refusal is counted under its route, a wrong method is told which ones there are, and HEAD and
OPTIONS need no routes of their own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from starlette.routing import BaseRoute, Route

from service.dialect import Dialect


@dataclass(frozen=True)
class Resource:
    """The routes of one path."""

    path: str
    """With its parameters by name, as in /models/{name}/info."""
    methods: frozenset[str]
    """Those of its routes; HEAD where there is GET; and OPTIONS."""

    @property
    def allow(self) -> str:
        """The value of an Allow header."""
        return ", ".join(sorted(self.methods))


class Match(NamedTuple):
    resource: Resource
    parameters: dict[str, str]
    """Those in the path."""


class RouteTable:
    """The resources of some routes."""

    def __init__(self, routes: Iterable[Route]):
        by_path: dict[str, list[Route]] = {}
        for route in routes:
            by_path.setdefault(route.path, []).append(route)
        self._fixed: dict[str, Match] = {}
        self._patterns = []
        for path, same in by_path.items():
            methods = frozenset().union({"OPTIONS"}, *(route.methods or () for route in same))
            resource = Resource(path, methods | ({"HEAD"} if "GET" in methods else set()))
            if same[0].param_convertors:
                self._patterns.append((same[0].path_regex, resource))
            else:
                self._fixed[path] = Match(resource, {})

    def find(self, path: str) -> Match | None:
        """The resource at a path, None if there is none."""
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed
        for pattern, resource in self._patterns:
            match = pattern.fullmatch(path)
            if match:
                return Match(resource, match.groupdict())
        return None


def dialect_routes(dialects: Sequence[Dialect]) -> list[Route]:
    """The routes of all dialects."""
    return routes_of(
        route for dialect in dialects for each in dialect.routers for route in each.routes
    )


def routes_of(routes: Iterable[BaseRoute]) -> list[Route]:
    """Those with a path and methods."""
    return [route for route in routes if isinstance(route, Route)]
