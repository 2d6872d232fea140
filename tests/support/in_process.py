"""Requests to the application in this process, fast enough for thousands of them."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any, NamedTuple


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


async def ask(
    app, method: str, path: str, parts: bytes | Iterable[bytes] = b"", **headers: str
) -> Answered:
    """The whole response. A body given in parts arrives in as many messages. Names of headers have
    underscores for hyphens, and a header that is empty is left out."""
    waiting = [parts] if isinstance(parts, bytes) else list(parts)
    path, _, query = path.partition("?")
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode())
                    for name, value in headers.items() if value],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip
    start: dict[str, Any] = {}
    body = bytearray()

    async def receive():
        if not waiting:
            await asyncio.Event().wait()  # the client stays
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message):
        if message["type"] == "http.response.start":
            assert not start, "a second response"
            start.update(message)
        body.extend(message.get("body", b""))

    await app(scope, receive, send)
    names = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answered(int(start["status"]), names, bytes(body))
