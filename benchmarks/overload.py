"""A server under 1, 2, 5 and 10 times its peak load, for several kinds of work.

Peak is the rate that 64 closed-loop clients reach just before each load. The load is an open loop
(benchmarks/load.py) over existing connections. Goodput is the rate of successful responses during
the load, relative to peak. Refusals are the 429s. Recovery is the time from the last planned
request until requests, sent every 50 ms, are as fast as before the load (within twice the median).

The load generator runs on the last core and the server on the others, for the peak too. If `late`
is not small, the generator could not keep up; latencies count from the planned times anyway.
"""

import asyncio
import json
import os
import statistics
import time
import urllib.error
import urllib.request

import psutil

import textrnn
from benchmarks.http import load, served
from benchmarks.load import Outcome, Plan, offer
from benchmarks.texts import texts
from benchmarks.timing import table

KINDS = [
    ("sentiment-en", "classify", 20),
    ("sentiment-en", "classify", 200),
    ("ner-en", "tag", 20),
    ("translate-de-en", "translate", 20),
]
TIMES = [1, 2, 5, 10]
SECONDS = 20.0
PEAK_SECONDS = 5.0
CONNECTIONS = 1024
PROBES = 200
GAP = 0.05


def main() -> None:
    cores = sorted(os.sched_getaffinity(0))
    for model, task, words in KINDS:
        predictor = textrnn.load(model)
        some = texts(predictor, 64, words)
        os.sched_setaffinity(0, cores[:-1] or cores)
        with served({model: predictor}) as port:
            os.sched_setaffinity(0, cores[-1:])
            _measure(model, port, f"/v1/{task}", some, words)


def _measure(model: str, port: int, route: str, some: list[str], words: int) -> None:
    bodies = [json.dumps({"text": text}) for text in some]
    process = server_at(port)
    rows: list[list[object]] = []
    for times in TIMES:
        peak = len(asyncio.run(load(port, route, some, PEAK_SECONDS))) / PEAK_SECONDS
        calm = statistics.median(_ask(port, route, bodies[0]) for _ in range(20))
        before = process.memory_info().rss
        outcome = offer(Plan(port, route, bodies, times * peak, SECONDS, connections=CONNECTIONS))
        drained = max((planned + took for planned, took in outcome.answers), default=0) - SECONDS
        recovery = max(0.0, drained) + _recovery(port, route, bodies[0], calm)
        grown = (process.memory_info().rss - before) / 2**20
        rows.append([times, peak, *_shown(outcome, peak), grown, recovery])
    table(
        f"{model}, {words} words",
        ["times", "peak, requests/s", "sent", "answered", "refused", "left", "lost", "other",
         "goodput / peak", "answers p50 ms", "p99 ms", "refusals p50 ms", "p99 ms", "late ms",
         "memory +MB", "recovery s"],
        rows,
    )  # fmt: skip


def _shown(outcome: Outcome, peak: float) -> list[object]:
    assert outcome.balanced
    in_time = sum(planned + took <= SECONDS for planned, took in outcome.answers)
    other = sum(outcome.statuses.values()) - outcome.answered - outcome.refused
    return [
        outcome.sent, outcome.answered, outcome.refused, outcome.left, outcome.lost, other,
        in_time / SECONDS / peak, *_quantiles(outcome.answers), *_quantiles(outcome.refusals),
        outcome.late * 1e3,
    ]  # fmt: skip


def _quantiles(taken: list[tuple[float, float]]) -> tuple[object, object]:
    """The median and the 99th percentile, in ms."""
    seconds = [took for _, took in taken]
    if len(seconds) < 2:
        return "-", "-"
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49] * 1e3, cuts[98] * 1e3


def _recovery(port: int, route: str, body: str, calm: float) -> float:
    """Seconds until five successive requests are as fast as before the load."""
    began, good = time.perf_counter(), 0
    for _ in range(PROBES):
        first = time.perf_counter() - began
        good = good + 1 if _ask(port, route, body) <= 2 * calm + 0.005 else 0
        if good == 5:
            return max(0.0, first - 4 * GAP)
        time.sleep(GAP)
    return float("inf")


def _ask(port: int, route: str, body: str) -> float:
    """Seconds until the response; infinite for a rejection."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{route}", body.encode(), {"content-type": "application/json"}
    )
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(request) as response:
            response.read()
    except urllib.error.HTTPError:
        return float("inf")
    return time.perf_counter() - began


def server_at(port: int) -> psutil.Process:
    """The child process that listens on the port."""
    return next(
        child
        for child in psutil.Process().children()
        for connection in child.net_connections()
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    )
