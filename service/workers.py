"""Several worker processes behind one port, each with its own cores.

This process supervises the workers. It never loads JAX, and it spawns them, since a process must
not be forked after JAX has started.

Each worker listens on its own socket at the shared port (SO_REUSEPORT), from when it is ready until
it ends, so that the kernel distributes connections evenly among the workers. With one socket for
all, the worker that wakes first would accept, and keep, every waiting connection.
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
from pathlib import Path
from typing import Any

from service.dialects.libretranslate.files import FILES_FOLDER_VARIABLE
from service.garbage_collection import pause_garbage_collector
from service.observe import logs
from service.observe.logs import log_listening, logger
from service.observe.metrics_folder import METRICS_FOLDER_VARIABLE, hold_folder, metrics_folder
from service.settings import Settings
from service.transport.sockets import bind, bind_shared, url_of
from textrnn.errors import UserError

PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a worker that died is restarted, doubled after each time, and their maximum."""
STABLE = 60.0
"""Seconds of service after which the pause is short again."""
_READY = "ready"


def supervise(settings: Settings) -> None:
    """Run workers until SIGTERM or SIGINT. Raises UserError if they cannot start."""
    shares = divide_cores(settings.workers)
    with bind(settings.host, settings.port) as exclusive:  # fails if another server has the port
        port = exclusive.getsockname()[1]
    with (
        bind_shared(settings.host, port, listen=False) as reserved,
        metrics_folder() as folder,
        tempfile.TemporaryDirectory(prefix="textrnn-files-") as files,
    ):
        os.environ[METRICS_FOLDER_VARIABLE] = str(folder)
        os.environ[FILES_FOLDER_VARIABLE] = files
        log_listening(url_of(reserved), settings)
        asyncio.run(Supervisor(settings.model_copy(update={"port": port}), shares).run())


def divide_cores(workers: int) -> list[list[int]]:
    """The cores of each worker. Raises UserError if there are too few, or not on Linux."""
    if sys.platform != "linux":
        raise UserError(f"{workers} workers require Linux, which distributes cores and connections")
    cores = sorted(os.sched_getaffinity(0))
    if workers > len(cores):
        raise UserError(f"{workers} workers cannot share {len(cores)} cores; lower workers")
    ends = [len(cores) * number // workers for number in range(workers + 1)]
    return [cores[begin:end] for begin, end in itertools.pairwise(ends)]


class Supervisor:
    """Starts the workers, restarts those that die, and passes signals on to them."""

    def __init__(self, settings: Settings, shares: Sequence[Sequence[int]]):
        self._settings = settings
        self._shares = shares
        self._began = time.monotonic()
        self._processes: dict[int, Any] = {}
        self._ready: set[int] = set()
        self._were_ready = False
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Keep all workers running until a signal. Raises UserError for a worker that never became
        ready, or that failed while it was stopping."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._send, signal.SIGHUP)
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
            message = await _receive(pipe)
            is_ready = message == _READY
            if is_ready:
                was_ready, since = True, time.monotonic()
                self._on_ready(number)
                await _receive(pipe)  # until it ends
                self._ready.discard(number)
                pause = PAUSE if time.monotonic() - since > STABLE else pause
            await _readable(process.sentinel)
            process.join()
            pipe.close()
            _remove_gauges(process.pid)
            how = _describe_end(process.exitcode)
            if self._stopping.is_set():
                if is_ready and process.exitcode:
                    raise UserError(f"worker {number} {how} instead of finishing its requests")
            elif not was_ready:
                raise UserError(message or f"worker {number} {how} before it was ready")
            else:
                logger.info("worker %d %s; starting another in %g s", number, how, pause)
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

    def _on_ready(self, number: int) -> None:
        self._ready.add(number)
        if self._were_ready:
            logger.info("worker %d is ready again", number)
        elif len(self._ready) == len(self._shares):
            self._were_ready = True
            seconds = time.monotonic() - self._began
            count = len(self._shares)
            logger.info("all %d workers ready (%.1f s after the start)", count, seconds)

    def _stop(self) -> None:
        logger.info("stopping at once" if self._stopping.is_set() else "draining")
        self._stopping.set()
        for process in self._processes.values():
            process.terminate()

    def _send(self, signal_number: int) -> None:
        for number in self._ready:
            os.kill(self._processes[number].pid, signal_number)


def work(settings: Settings, cores: Sequence[int], number: int, parent: Connection) -> None:
    """Run one worker. `parent` receives that it is ready, or why it cannot start."""
    os.setpgrp()  # signals from the terminal are for the parent
    if sys.platform == "linux":
        os.sched_setaffinity(0, cores)  # before JAX starts a thread for each core
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    logs.configure(settings, worker=number)
    pause_garbage_collector()
    hold_folder(Path(os.environ[METRICS_FOLDER_VARIABLE]))
    from service.server import serve

    try:
        serve(settings, number, lambda: parent.send(_READY))
    except UserError as error:
        parent.send(str(error))
        sys.exit(1)


def _end_with_parent(parent: Connection) -> None:
    """Drain when the parent has ended for any reason."""
    with contextlib.suppress(EOFError, OSError):
        parent.recv()
    os.kill(os.getpid(), signal.SIGTERM)


async def _receive(pipe: Connection) -> str:
    """The next message of a worker; empty when it has ended."""
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


def _remove_gauges(pid: int) -> None:
    """Remove the gauges of a worker that has ended, such as its queue. Its counters stay."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)


def _describe_end(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was killed by {signal.Signals(-status).name}"
