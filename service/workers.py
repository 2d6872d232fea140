"""Several processes behind one port, each with cores of its own.

This process only keeps the others. It never loads JAX, and spawns them, as a process must not be
forked after JAX has started.

Each worker listens on a socket of its own at the shared port (SO_REUSEPORT), from when it is ready
to when it ends, so that the kernel deals connections out evenly among those who serve. With one
socket for all, whoever wakes first takes every connection that waits, and keeps them, while the
others rest.
"""

import asyncio
import contextlib
import itertools
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from service.observe import logs
from service.observe.logs import say
from service.settings import Settings
from service.transport.sockets import bind, share, url
from textrnn.errors import UserError

PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a worker that died is started again; twice as many after each time."""
STABLE = 60.0
"""Seconds of service after which a worker's earlier deaths are forgotten."""
METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""The folder in which prometheus_client adds up what the workers count."""
_READY = "ready"


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises UserError for what is wrong at the start."""
    shares = divide(settings.workers)
    with bind(settings.host, settings.port) as alone:  # as nobody can who shares its port
        port = alone.getsockname()[1]
    with (
        share(settings.host, port, listen=False) as kept,
        tempfile.TemporaryDirectory(prefix="textrnn-metrics-") as folder,
    ):
        os.environ[METRICS] = folder
        say(f"listening on {url(kept)}")
        asyncio.run(Workers(settings.model_copy(update={"port": port}), shares).keep())


def divide(workers: int) -> list[list[int]]:
    """The cores of each worker. Raises UserError where there are too few."""
    if sys.platform != "linux":
        raise UserError(f"{workers} workers need Linux, which deals out cores and connections")
    cores = sorted(os.sched_getaffinity(0))
    if workers > len(cores):
        raise UserError(f"{workers} workers cannot share {len(cores)} cores; lower workers")
    ends = [len(cores) * number // workers for number in range(workers + 1)]
    return [cores[begin:end] for begin, end in itertools.pairwise(ends)]


class Workers:
    def __init__(self, settings: Settings, shares: Sequence[Sequence[int]]):
        self._settings = settings
        self._shares = shares
        self._began = time.monotonic()
        self._processes: dict[int, Any] = {}
        self._ready: set[int] = set()
        self._were_ready = False
        self._stopping = asyncio.Event()

    async def keep(self) -> None:
        """Until a signal, each worker is there. Raises UserError for one that never got ready, or
        did not end well."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._tell, signal.SIGHUP)
        try:
            numbers = range(1, len(self._shares) + 1)
            await asyncio.gather(*(self._keep(number) for number in numbers))
        finally:
            for process in self._processes.values():
                process.kill()
                process.join()

    async def _keep(self, number: int) -> None:
        pause, was_ready = PAUSE, False
        while not self._stopping.is_set():
            process, pipe = self._start(number)
            news = await _news(pipe)
            is_ready = news == _READY
            if is_ready:
                was_ready, since = True, time.monotonic()
                self._take_in(number)
                await _news(pipe)  # its end
                self._ready.discard(number)
                pause = PAUSE if time.monotonic() - since > STABLE else pause
            await _readable(process.sentinel)
            process.join()
            pipe.close()
            _forget(process.pid)
            how = _how_it_ended(process.exitcode)
            if self._stopping.is_set():
                if is_ready and process.exitcode:
                    raise UserError(f"worker {number} {how} instead of finishing its requests")
            elif not was_ready:
                raise UserError(news or f"worker {number} {how} before it was ready")
            else:
                say(f"worker {number} {how}; starting another in {pause:g} s")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)
                pause = min(LONGEST_PAUSE, 2 * pause)

    def _start(self, number: int) -> tuple[Any, Connection]:
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(
            target=work,
            args=(self._settings, self._shares[number - 1], number, theirs),
            daemon=True,
        )
        process.start()
        theirs.close()
        self._processes[number] = process
        return process, ours

    def _take_in(self, number: int) -> None:
        self._ready.add(number)
        if self._were_ready:
            say(f"worker {number} is ready again")
        elif len(self._ready) == len(self._shares):
            self._were_ready = True
            seconds = time.monotonic() - self._began
            say(f"all {len(self._shares)} workers ready ({seconds:.1f} s after the start)")

    def _stop(self) -> None:
        say("stopping at once" if self._stopping.is_set() else "draining")
        self._stopping.set()
        for process in self._processes.values():
            process.terminate()

    def _tell(self, signal_number: int) -> None:
        for number in self._ready:
            os.kill(self._processes[number].pid, signal_number)


def work(settings: Settings, cores: Sequence[int], number: int, parent: Connection) -> None:
    """The life of a worker."""
    os.setpgrp()  # what a terminal signals is for the parent
    if sys.platform == "linux":
        os.sched_setaffinity(0, cores)  # before JAX, which counts them for its threads
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    logs.configure(settings, worker=number)
    from service.server import serve

    try:
        serve(settings, number, lambda: parent.send(_READY))
    except UserError as error:
        parent.send(str(error))
        sys.exit(1)


def _end_with(parent: Connection) -> None:
    """Drain when the parent is gone, however it went."""
    with contextlib.suppress(EOFError, OSError):
        parent.recv()
    os.kill(os.getpid(), signal.SIGTERM)


async def _news(pipe: Connection) -> str:
    """What a worker tells; nothing when it has ended."""
    await _readable(pipe.fileno())
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return ""


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(descriptor, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(descriptor)


def _forget(pid: int) -> None:
    """What a worker that ended has counted stays; what it was at, as its queue, does not."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was killed by {signal.Signals(-status).name}"
