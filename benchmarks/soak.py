"""Soak test: mixed requests for several minutes, to detect resources that grow.

python -m benchmarks.soak [MINUTES]     default: 10

Eight clients send a mixed load (benchmarks/mixed_load.py) to one model of each task. Each minute
prints the resources of the server; the last line is the growth of its memory over the second half.
Clients and server share the machine, so the request rate is not meaningful.
"""

import statistics
import sys
import time

import textrnn
from benchmarks.http import served
from benchmarks.mixed_load import mixed_load
from benchmarks.overload import server_at
from benchmarks.timing import table

MODELS = ["sentiment-en", "ner-en", "translate-de-en", "shakespeare"]
CLIENTS = 8
WORDS = 100
"""Words of the longest text."""
ROWS = 16
"""Texts of the longest list."""


def main(minutes: int = 10) -> None:
    models = {name: textrnn.load(name) for name in MODELS}
    rows: list[list[object]] = []
    memory: list[float] = []
    with served(models) as port, mixed_load(port, models, CLIENTS, WORDS, ROWS) as answers:
        process = server_at(port)
        for minute in range(1, minutes + 1):
            time.sleep(60)
            memory.append(process.memory_info().rss / 2**20)
            failed = answers.total() - answers[200]
            rows.append([
                minute, answers[200], failed, memory[-1], process.num_threads(),
                process.num_fds(), len(process.net_connections()),
            ])  # fmt: skip
    table(
        f"{CLIENTS} clients",
        ["minute", "answered", "failed", "memory MB", "threads", "descriptors",
         "connections"],
        rows,
    )  # fmt: skip
    half = memory[len(memory) // 2 :]
    if len(half) > 1:
        slope, _ = statistics.linear_regression(range(len(half)), half)
        print(f"memory grew by {slope:.2f} MB per minute over the second half")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
