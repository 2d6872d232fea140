"""Resident memory of the server with all shipped models, when it is ready and under load.

python -m benchmarks.memory [SECONDS]     default: 60

First each model gets one request of 32 texts of ten lines of 25 words, then all models a mixed load
(benchmarks/mixed_load.py) from eight clients for some seconds. The peak is that since the start of
the server, compilation included, on Linux.
"""

import re
import sys
import time
from pathlib import Path

import httpx
import psutil

import textrnn
from benchmarks.http import served
from benchmarks.mixed_load import mixed_load
from benchmarks.overload import server_at
from benchmarks.texts import texts
from benchmarks.timing import table
from textrnn.bundle import shipped
from textrnn.predictor import Predictor

TEXTS, LINES, WORDS = 32, 10, 25
CLIENTS, PARTS = 8, 4
LONGEST = 100
"""Words of the longest text of the mixed load."""


def main(seconds: int = 60) -> None:
    models = {name: textrnn.load(name) for name in shipped()}
    with served({}) as port:
        process = server_at(port)
        rows = [["ready", 0, 0, *_memory(process)]]
        for name, model in models.items():
            _request(port, name, model)
        when = f"{TEXTS} texts of {LINES * WORDS} words to each model"
        rows.append([when, len(models), 0, *_memory(process)])
        with mixed_load(port, models, CLIENTS, LONGEST, TEXTS) as answers:
            for part in range(1, PARTS + 1):
                time.sleep(seconds / PARTS)
                good = answers[200]
                when = f"mixed load, {part * seconds / PARTS:.0f} s"
                rows.append([when, good, answers.total() - good, *_memory(process)])
    head = ["when", "answered", "failed", "resident, MB", "peak, MB"]
    table("textrnn serve", head, rows)


def _request(port: int, name: str, model: Predictor) -> None:
    lines = texts(model, TEXTS * LINES, WORDS)
    some = ["\n".join(lines[i : i + LINES]) for i in range(0, len(lines), LINES)]
    body = {"prompt": some[0]} if model.task.name == "generate" else {"texts": some}
    url = f"http://127.0.0.1:{port}/v1/{model.task.name}"
    response = httpx.post(url, json={"model": name, **body}, timeout=60)
    assert response.status_code == 200, response.text


def _memory(process: psutil.Process) -> tuple[float, float]:
    """Resident now, and at most so far, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak, "no peak in the status of the process"
    return process.memory_info().rss / 1e6, int(peak[1]) * 1024 / 1e6


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
