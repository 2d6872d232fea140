"""The native API as a dialect: it has all paths that belong to no other."""

import re

from service.api import classify, detect, generate, health, models, tag, translate
from service.dialect import Dialect
from service.errors import problem_document

ROUTERS = (
    classify.router,
    detect.router,
    tag.router,
    translate.router,
    generate.router,
    models.router,
    health.router,
)

NATIVE = Dialect("native", ROUTERS, re.compile(""), problem_document)
