"""The server process: load, listen, warm up, serve, drain."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial

import uvicorn

from service.app import make_app
from service.context import ServiceContext
from service.garbage_collection import collect_seldom
from service.inference import models
from service.inference.lifecycle import Lifecycle
from service.observe.logs import say
from service.observe.metrics import ServiceMetrics
from service.settings import Settings
from service.transport.load_shedding import LoadShedder
from service.transport.protocol import Connection
from service.transport.sockets import bind, share, url
from textrnn.errors import UserError


def serve(
    settings: Settings, worker: int | None = None, on_open: Callable[[], None] = lambda: None
) -> None:
    """Serve until SIGTERM or SIGINT. Raises UserError for what is wrong at the start.

    As a worker of several it shares the port, and listens only when it is ready.
    """
    began = time.monotonic()
    collect_seldom()
    listening = [bind(settings.host, settings.port)] if worker is None else None
    loaded = models.load(settings.models)
    check_limits(loaded, settings)
    say(f"loaded {', '.join(loaded)} ({time.monotonic() - began:.1f} s)")
    metrics = ServiceMetrics(worker or 1)
    context = ServiceContext(settings, metrics)
    lifecycle = Lifecycle(context)
    server = DrainingServer(context, lifecycle, on_open)
    if listening:
        say(f"listening on {url(listening[0])}")
    try:
        lifecycle.warm_up(list(loaded.values()), began, server.fail)
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=listening))
    finally:
        lifecycle.close()
        context.batcher.close()
    if server.failure is not None:
        raise server.failure


def check_limits(loaded: dict[str, models.ServedModel], settings: Settings) -> None:
    """Raises UserError for limits that cannot be kept together."""
    for served in loaded.values():
        most = served.predictor.task.costliest
        if most > settings.queue_tokens:
            raise UserError(
                f"{served.name} takes texts of {most} tokens, but the queue holds only "
                f"{settings.queue_tokens}; raise queue_tokens"
            )


_SOCKETS = 8
"""Copies of the listening socket."""


class DrainingServer(uvicorn.Server):
    """On the first SIGTERM or SIGINT: not ready, no new work, accepted work finished, exit 0.

    uvicorn by itself closes the listening socket at once, and a load balancer that has not yet seen
    the readiness probe fail then loses requests.
    """

    def __init__(self, context: ServiceContext, lifecycle: Lifecycle, on_open: Callable[[], None]):
        self._context = context
        self._lifecycle = lifecycle
        self._on_open = on_open
        self.failure: Exception | None = None
        config = uvicorn.Config(
            make_app(context),
            http=partial(  # type: ignore[arg-type]
                Connection,
                patience=context.settings.body_timeout,
                load_shedder=LoadShedder(context),
            ),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=30,
            ws="none",
            timeout_graceful_shutdown=max(1, int(context.settings.grace)),
        )
        super().__init__(config)

    def fail(self, error: Exception) -> None:
        """Stop, since the models cannot be served."""
        self.failure, self.should_exit = error, True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Without a socket: share one when the models are ready, as a worker that listens before
        would refuse what the others answer."""
        while not (sockets or self._context.ready or self.should_exit):
            await asyncio.sleep(0.02)
        if not self.should_exit:
            settings = self._context.settings
            # uvloop accepts one connection for each socket each time round, too few in a rush.
            (listening,) = sockets or [share(settings.host, settings.port, listen=True)]
            await super().startup([listening.dup() for _ in range(_SOCKETS)])
            listening.close()
            self._on_open()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own raises the signal again at the end, so that the exit status is not 0."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        loop.add_signal_handler(signal.SIGHUP, self._lifecycle.reload)
        yield

    def _on_signal(self) -> None:
        if self._context.draining:
            say("stopping at once")
            self.force_exit = self.should_exit = True
            return
        self._context.draining = True
        say("draining")
        self._draining = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        """Stop when no accepted request is left, or the grace period is over."""
        end = time.monotonic() + self._context.settings.grace
        while self.server_state.tasks and time.monotonic() < end:
            await asyncio.sleep(0.02)
        self.should_exit = True
