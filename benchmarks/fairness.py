"""Waiting on a server that several clients share.

1. One client with 32 long texts per request and twenty with one word, from addresses of their own
   and from the same one.
2. 64 clients in a closed loop from one address, with texts of all lengths for a model of each task.
   Refused clients come back after Retry-After. Time in the queue until a request begins (its bound
   is `queue_seconds`, 3 s), and latency, without the first seconds, in which times are measured.

Clients and server share the machine.
"""

import asyncio
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable

import uvloop

import textrnn
from benchmarks.http import served
from benchmarks.load import Connection, post
from benchmarks.texts import texts
from benchmarks.timing import table
from textrnn.predictor import Predictor

LIGHT = 20
CLIENTS = 64
SECONDS = 30.0
WARM_UP = 8.0
LENGTHS = [3, 20, 60, 300]
"""Words in a text."""
MODELS = ["sentiment-en", "ner-en", "translate-de-en", "shakespeare"]

Draw = Callable[[], tuple[str, bytes]]
"""The kind of the next request of a client, and the request."""


class _Seen:
    """The outcomes of one kind of request."""

    def __init__(self) -> None:
        self.statuses: Counter[bytes] = Counter()
        self.queued: list[float] = []
        self.took: list[float] = []

    def row(self) -> list[object]:
        answered = self.statuses[b"200"]
        refused = self.statuses[b"429"]
        other = self.statuses.total() - answered - refused
        return [answered, refused, other, *_quantiles(self.queued), *_quantiles(self.took)]


def main() -> None:
    predictor = textrnn.load("sentiment-en")
    long = post("/v1/classify", json.dumps({"texts": texts(predictor, 32, 1000)}).encode())
    word = post("/v1/classify", json.dumps({"text": texts(predictor, 1, 1)[0]}).encode())
    rows: list[list[object]] = []
    with served({"sentiment-en": predictor}) as port:
        for own in (True, False):
            addresses = [f"127.0.0.{2 + number * own}" for number in range(LIGHT + 1)]
            draws: list[Draw] = [
                lambda: ("32 long texts", long),
                *[lambda: ("a word", word)] * LIGHT,
            ]
            seen = uvloop.run(_load(port, addresses, draws))
            where = "each its own" if own else "one"
            rows += [[where, kind, *seen[kind].row()] for kind in sorted(seen)]
    _table("one heavy and twenty light clients", ["addresses", "request"], rows)
    models = {name: textrnn.load(name) for name in MODELS}
    draws = [_mixed(models, seed) for seed in range(CLIENTS)]
    with served(models) as port:
        seen = uvloop.run(_load(port, ["127.0.0.1"] * CLIENTS, draws))
    _table(f"{CLIENTS} clients", ["model"], [[kind, *seen[kind].row()] for kind in sorted(seen)])


def _table(title: str, first: list[str], rows: list[list[object]]) -> None:
    columns = ["answered", "refused", "other", "queue p50 s", "p99 s", "latency p50 s", "p99 s"]
    table(title, [*first, *columns], rows)


def _mixed(models: dict[str, Predictor], seed: int) -> Draw:
    draw = random.Random(seed)
    some = {
        name: [texts(model, 1, words)[0] for words in LENGTHS] for name, model in models.items()
    }

    def next_request() -> tuple[str, bytes]:
        name = draw.choice(MODELS)
        task, text = models[name].task.name, draw.choice(some[name])
        body: dict[str, object] = {"model": name, "text": text}
        if task == "generate":
            body = {"model": name, "prompt": text, "max_characters": draw.choice([32, 256, 1000])}
        elif task == "translate":
            body["text"] = text[:600]
        return name, post(f"/v1/{task}", json.dumps(body).encode())

    return next_request


async def _load(port: int, addresses: list[str], draws: list[Draw]) -> dict[str, _Seen]:
    """A closed loop, with a client for each address and draw."""
    seen: dict[str, _Seen] = {}
    begin = time.perf_counter()

    async def client(address: str, draw: Draw) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            Connection, "127.0.0.1", port, local_addr=(address, 0)
        )
        while (sent := time.perf_counter()) < begin + SECONDS:
            kind, request = draw()
            headers = await connection.ask(request)
            status, of_kind = headers[b"status"], seen.setdefault(kind, _Seen())
            if sent > begin + WARM_UP:
                of_kind.statuses[status] += 1
                if status == b"200":
                    of_kind.queued.append(float(headers[b"x-queue-time"]) / 1e3)
                    of_kind.took.append(time.perf_counter() - sent)
            if status == b"429":
                await asyncio.sleep(int(headers[b"retry-after"]))
        connection.transport.close()

    await asyncio.gather(*map(client, addresses, draws))
    return seen


def _quantiles(seconds: list[float]) -> tuple[object, object]:
    if len(seconds) < 2:
        return "-", "-"
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49], cuts[98]


if __name__ == "__main__":
    main()
