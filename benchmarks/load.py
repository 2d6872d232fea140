"""An open-loop load generator: requests are sent at planned times, regardless of responses.

    python -m benchmarks.load < plan.json > outcome.json

Runs in its own process, so that it shares no interpreter with the server or with the reader of the
outcome. Latencies are measured from the planned time rather than the time of sending, so a server
that stalls or a slow generator cannot hide behind requests that were not sent. `late` is the
maximum delay between the planned time and sending.

A request that finds no idle connection opens one. Each request has one outcome, so that
sent = statuses + left + lost.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from typing import cast

import uvloop

_CLIENT_SECONDS = 40.0
"""Seconds after which a client gives up; longer than the deadline of the server."""


@dataclass(frozen=True)
class Plan:
    port: int
    route: str
    bodies: Sequence[str]
    """JSON bodies, sent in turn."""
    rate: float
    """Mean requests per second; inter-arrival times are exponential (a Poisson process)."""
    seconds: float
    client_seconds: float = _CLIENT_SECONDS
    connections: int = 0
    """Connections opened before the load begins."""


@dataclass
class Outcome:
    sent: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    left: int = 0
    """Requests abandoned by the client after `client_seconds`."""
    lost: int = 0
    """Requests whose connection broke before the response was complete."""
    late: float = 0.0
    answers: list[tuple[float, float]] = field(default_factory=list)
    """Planned time of each 200, in seconds from the start, and its latency."""
    refusals: list[tuple[float, float]] = field(default_factory=list)
    """The same for each 429 and 503."""
    bare_refusals: int = 0
    """Rejections without a Retry-After of 1 to 120 seconds."""

    @property
    def answered(self) -> int:
        return self.statuses.get("200", 0)

    @property
    def refused(self) -> int:
        return self.statuses.get("429", 0) + self.statuses.get("503", 0)

    @property
    def balanced(self) -> bool:
        return self.sent == sum(self.statuses.values()) + self.left + self.lost


def offer(plan: Plan) -> Outcome:
    """Send a load from another process and return its outcome."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(plan)), stdout=subprocess.PIPE, text=True, check=True,
        cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    return Outcome(**json.loads(done.stdout))


def post(route: str, body: bytes) -> bytes:
    """A request with a JSON body."""
    return (
        b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (route.encode(), len(body), body)
    )


class Connection(asyncio.Protocol):
    """A keep-alive connection with at most one request in flight."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._got = bytearray()
        self._answer: asyncio.Future[dict[bytes, bytes]] | None = None

    def ask(self, request: bytes) -> "asyncio.Future[dict[bytes, bytes]]":
        """The headers of the response, with its status under `status`. Raises ConnectionError."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end:
            return
        status, *lines = bytes(head).lower().split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines) | {b"status": status[9:12]}
        if len(body) < int(headers[b"content-length"]):
            return
        self._got.clear()
        if headers.get(b"connection") == b"close":
            self.transport.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(headers)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())


class _Load:
    def __init__(self, plan: Plan):
        self._plan = plan
        self._idle: list[Connection] = []
        self.outcome = Outcome()

    async def run(self) -> Outcome:
        plan, draw = self._plan, random.Random(0)
        requests = cycle(post(plan.route, body.encode()) for body in plan.bodies)
        for _ in range(plan.connections):
            self._idle.append(await self._open())
        planned = self._began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            while (planned := planned + draw.expovariate(plan.rate)) < self._began + plan.seconds:
                while (early := planned - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                group.create_task(self._one(planned, next(requests)))
        for connection in self._idle:
            connection.transport.close()
        return self.outcome

    async def _one(self, planned: float, request: bytes) -> None:
        outcome, connection = self.outcome, None
        outcome.sent += 1
        try:
            async with asyncio.timeout_at(self._in_loop_time(planned) + self._plan.client_seconds):
                connection = await self._connection()
                outcome.late = max(outcome.late, time.perf_counter() - planned)
                headers = await connection.ask(request)
        except (TimeoutError, OSError) as error:
            if connection is not None:
                connection.transport.abort()
            outcome.left += isinstance(error, TimeoutError)
            outcome.lost += not isinstance(error, TimeoutError)
            return
        self._idle.append(connection)
        took = time.perf_counter() - planned
        status = headers[b"status"].decode()
        outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
        if status == "200":
            outcome.answers.append((planned - self._began, took))
        elif status in ("429", "503"):
            outcome.refusals.append((planned - self._began, took))
            wait = headers.get(b"retry-after", b"")
            outcome.bare_refusals += not (wait.isdigit() and 1 <= int(wait) <= 120)

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.transport.is_closing():
                return connection
        return await self._open()

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", self._plan.port)
        return connection

    @staticmethod
    def _in_loop_time(moment: float) -> float:
        return asyncio.get_running_loop().time() + moment - time.perf_counter()


def main() -> None:
    outcome = uvloop.run(_Load(Plan(**json.load(sys.stdin))).run())
    json.dump(asdict(outcome), sys.stdout)


if __name__ == "__main__":
    main()
