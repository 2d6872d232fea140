"""Random changes of valid bodies, for every route that takes one."""

import asyncio
import gzip
import json
import os
import random
import string
from collections.abc import Iterator
from copy import deepcopy

from support.in_process import ask
from support.route_requests import BODIES, FORM, JSON, whole

MUTATIONS = int(os.environ.get("TEXTRNN_MUTATIONS", "1500"))
"""Mutated bodies. 20,000 take a minute."""

NASTY = (
    None, True, 0, -1, 1.5, 1e308, 2**31, 2**63, 2**64, "", " ", "\0", "\ud800", "a" * 3000, [], {},
    [[]], [None], [""], [["a"]], {"": ""}, {"a": {"a": []}}, ["a"] * 300, "tiny", "html", "auto",
)  # fmt: skip
TOKENS = (
    b"null", b"[]", b"{}", b"1e999", b"-", b"NaN", b'"', b"\\", b"\\u0000", b"\\ud800", b"[" * 999,
    b"[" * 20_000, b"\xff\xfe", b"\xef\xbb\xbf", b"\0", b",", b":", b"9" * 400, b"{" * 50,
)  # fmt: skip


def mutated(rng: random.Random) -> tuple[str, bytes]:
    """A path and a valid body of it with values, names or bytes replaced."""
    path = rng.choice(list(BODIES))
    body = json.loads(json.dumps(BODIES[path]))
    for _ in range(rng.choice((0, 1, 1, 2))):
        holder = rng.choice(list(holders(body)))
        place = rng.choice(list(holder) if isinstance(holder, dict) else list(range(len(holder))))
        match rng.randrange(4):
            case 0:
                del holder[place]
            case 1 if isinstance(holder, dict):
                holder["".join(rng.choices(string.printable, k=rng.randrange(9)))] = 1
            case _:
                holder[place] = deepcopy(rng.choice(NASTY))
        if not body:
            break
    sent = bytearray(whole(body))
    for _ in range(rng.choice((0, 0, 1, 3))):
        start = rng.randrange(len(sent) + 1)
        end = start + rng.choice((0, 1, 5))
        sent[start:end] = rng.choice(
            (rng.choice(TOKENS), rng.randbytes(2), sent[: rng.randrange(9)])
        )
    return path, bytes(sent)


def holders(value) -> Iterator:
    """The objects and lists in a value that are not empty."""
    if isinstance(value, dict | list) and value:
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from holders(part)


def test_mutated_bodies(app, caplog):
    """Fails if a body causes a 5xx, no response, or an error in the log."""
    rng = random.Random(0)

    async def go():
        for _ in range(MUTATIONS):
            path, sent = mutated(rng)
            media = FORM if path in ("/translate", "/detect") and not rng.randrange(4) else JSON
            packed = rng.randrange(8) == 0
            got = await ask(
                app, "POST", path, gzip.compress(sent) if packed else sent, **media,
                content_encoding="gzip" if packed else "",
            )  # fmt: skip
            assert got.status in (200, 400, 404, 413, 422), (path, sent[:300], got)
            assert got.status == 200 or got.json()["error"]

    asyncio.run(go())
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
