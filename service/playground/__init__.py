"""The playground: a page at `/` to try the models in a browser, in the files of this directory.

It has no build step and loads nothing from other hosts. The files are read once, at import.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class File:
    content: bytes
    headers: dict[str, str]


def _read(name: str) -> File:
    content = files(__name__).joinpath(name).read_bytes()
    headers = {
        "content-type": TYPES[name.rpartition(".")[2]],
        "etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "cache-control": "no-cache",  # cached, and revalidated before each use
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    return File(content, headers)


FILES = {
    entry.name: _read(entry.name)
    for entry in files(__name__).iterdir()
    if entry.name.rpartition(".")[2] in TYPES
}


@router.get("/")
async def page(request: Request) -> Response:
    """The page of the playground."""
    return _answer(FILES["index.html"], request)


@router.get("/playground/{name}")
async def part(name: str, request: Request) -> Response:
    """A script, style sheet or image of the page."""
    if name not in FILES:
        raise HTTPException(404)
    return _answer(FILES[name], request)


def _answer(file: File, request: Request) -> Response:
    known = request.headers.get("if-none-match", "").replace("W/", "").split(",")
    if file.headers["etag"] in (tag.strip() for tag in known):
        return Response(status_code=304, headers=file.headers)
    return Response(file.content, headers=file.headers)
