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

import textrnn
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
    latencies = asyncio.run(load(port, "/v1/classify", some, SECONDS))
    rate = len(latencies) / SECONDS
    cuts = statistics.quantiles(latencies, n=100)
    return [words, clients, rate, cuts[49] * 1e3, cuts[98] * 1e3, alone, f"{rate / alone:.2f}"]


async def load(port: int, route: str, some: list[str], seconds: float) -> list[float]:
    """A closed loop with one connection per client. Returns latencies after a short warm-up."""
    latencies: list[float] = []
    begin = time.perf_counter() + 0.5

    async def client(text: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps({"text": text}).encode()
        request = (
            b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%s" % (route.encode(), len(body), body)
        )
        while True:
            sent = time.perf_counter()
            if sent > begin + seconds:
                break
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None
            await reader.readexactly(int(length[1]))
            if sent >= begin:
                latencies.append(time.perf_counter() - sent)
        writer.close()

    await asyncio.gather(*(client(text) for text in some))
    return latencies
