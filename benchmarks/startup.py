"""The server with all shipped models: time to readiness, memory, and a request of long texts.

The first start has no compiled programs, later ones find those of the first. The request has 32
texts of 250 words; the same are given to the model in Python.
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping

import httpx
import psutil

import textrnn
from benchmarks.texts import texts
from benchmarks.timing import side_by_side, table

STARTS = 4
MODEL = "sentiment-en"
TEXTS, WORDS = 32, 250


def main() -> None:
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"XDG_CACHE_HOME": cache}
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # installing a package compiles it
        rows = [_start(environment, number) for number in range(STARTS)]
    table(
        "textrnn serve with all shipped models",
        ["start", "seconds to ready", "memory, MB", "32 long texts, ms", "in Python, ms", "ratio"],
        rows,
    )


def _start(environment: Mapping[str, str], number: int) -> list[object]:
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "textrnn", "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        port = _port_when_ready(process)
        seconds = time.perf_counter() - began
        memory = psutil.Process(process.pid).memory_info().rss / 1e6
        served, alone = _long_texts(port)
    finally:
        process.terminate()
        process.wait()
    name = "first" if number == 0 else f"later {number}"
    return [name, seconds, memory, served * 1e3, alone * 1e3, f"{served / alone:.2f}"]


def _port_when_ready(process: subprocess.Popen[str]) -> int:
    assert process.stderr is not None
    port = 0
    for line in process.stderr:
        match = re.search(r"listening on http://.*:(\d+)", line)
        port = int(match[1]) if match else port
        if "ready (" in line:
            # Drain the log: a full pipe would block the server.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return port
    raise RuntimeError("the server ended before it was ready")


def _long_texts(port: int) -> tuple[float, float]:
    """Seconds of a request, and of the same texts in Python."""
    predictor = textrnn.load(MODEL)
    body = {"texts": texts(predictor, TEXTS, WORDS), "model": MODEL}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:

        def request() -> None:
            assert client.post("/v1/classify", json=body).status_code == 200

        runs = {"served": request, "alone": lambda: predictor.predict(body["texts"])}
        seconds = side_by_side(runs)
    return seconds["served"], seconds["alone"]
