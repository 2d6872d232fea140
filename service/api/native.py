"""The native API as a dialect: it has all paths that belong to no other."""

import re

from fastapi import APIRouter

from service.api import generate, routes
from service.dialects import Dialect
from service.errors import problem_document

_router = APIRouter()
_router.include_router(routes.router)
_router.include_router(generate.router)

NATIVE = Dialect("native", _router, re.compile(""), problem_document)
