"""HTTP requests/s and latency at 1, 8 and 64 clients, compared with the predictor alone.

Each client sends one text, waits for the response and sends the next. The predictor alone gets as
many texts at once as there are clients. Both include tokenization.
"""

import asyncio
import contextlib
import json
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping

import uvloop

import textrnn
from benchmarks.load import Connection, post
from benchmarks.texts import texts
from benchmarks.timing import side_by_side, table
from textrnn.predictor import Predictor

MODEL = "sentiment-en"
CLIENTS = [1, 8, 64]
WORDS = [20, 200]
SECONDS = 6.0


def main() -> None:
    predictor = textrnn.load(MODEL)
    with served({MODEL: predictor}) as port:
        rows = [_measure(predictor, port, clients, words) for words in WORDS for clients in CLIENTS]
    table(
        "HTTP /v1/classify, one text per request",
        ["words", "clients", "requests/s", "p50 ms", "p99 ms", "predictor alone, texts/s", "ratio"],
        rows,
    )


@contextlib.contextmanager
def served(models: Mapping[str, Predictor]) -> Iterator[int]:
    """The port of a running server that is ready."""
    named = [part for name in models for part in ("--models", name)]
    process = subprocess.Popen(
        [sys.executable, "-m", "textrnn", "serve", *named, "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        port = 0
        for line in process.stderr:
            match = re.search(r"listening on http://.*:(\d+)", line)
            port = int(match[1]) if match else port
            if "ready (" in line:
                break
        # Drain the log: a full pipe would block the server.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield port
    finally:
        process.terminate()
        process.wait()


def _measure(predictor: Predictor, port: int, clients: int, words: int) -> list[object]:
    some = texts(predictor, clients, words)
    alone = clients / side_by_side({"alone": lambda: predictor.predict(some)})["alone"]
    latencies = uvloop.run(load(port, "/v1/classify", some, SECONDS))
    rate = len(latencies) / SECONDS
    cuts = statistics.quantiles(latencies, n=100)
    return [words, clients, rate, cuts[49] * 1e3, cuts[98] * 1e3, alone, f"{rate / alone:.2f}"]


async def load(port: int, route: str, some: list[str], seconds: float) -> list[float]:
    """A closed loop with one connection per client. Returns latencies after a short warm-up."""
    latencies: list[float] = []
    begin = time.perf_counter() + 0.5

    async def client(text: str) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
        request = post(route, json.dumps({"text": text}).encode())
        while (sent := time.perf_counter()) <= begin + seconds:
            headers = await connection.ask(request)
            assert headers[b"status"] == b"200", headers
            if sent >= begin:
                latencies.append(time.perf_counter() - sent)
        connection.transport.close()

    await asyncio.gather(*(client(text) for text in some))
    return latencies
