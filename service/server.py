"""The server process: load, listen, warm up, serve, drain."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version

import uvicorn

from service.app import DIALECTS, make_app
from service.garbage_collection import collect_rarely
from service.inference.context import ServiceContext
from service.inference.lifecycle import Lifecycle
from service.inference.models import ServedModel, load_models
from service.observe.logs import log_listening, logger
from service.observe.metrics import ServiceMetrics
from service.settings import Settings
from service.transport.load_shedding import LoadShedder
from service.transport.protocol import LimitedHttpProtocol
from service.transport.sockets import bind, bind_shared, url_of
from textrnn import native
from textrnn.errors import UserError
from textrnn.runtime import program_folder


def serve(
    settings: Settings, worker: int | None = None, on_open: Callable[[], None] = lambda: None
) -> None:
    """Serve until SIGTERM or SIGINT. Raises UserError if the server cannot start.

    One of several workers shares the port, and listens only when it is ready. `on_open` is called
    when connections are accepted.
    """
    began = time.monotonic()
    listening = [bind(settings.host, settings.port)] if worker is None else None
    engine = native.description()
    logger.info("textrnn %s, JAX %s, %s", version("textrnn"), version("jax"), engine)
    collect_rarely()
    loaded = load_models(settings.models)
    check_limits(loaded, settings)
    logger.info("loaded %s (%.1f s)", ", ".join(loaded), time.monotonic() - began)
    context = ServiceContext(settings, ServiceMetrics(worker or 1))
    for served in loaded.values():
        context.models.add(served)
    lifecycle = Lifecycle(context.models, context.readiness, program_folder())
    server = DrainingServer(context, lifecycle, on_open)
    if listening:
        log_listening(url_of(listening[0]), settings)
    try:
        lifecycle.warm_up(list(loaded.values()), began, server.fail)
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=listening))
    finally:
        lifecycle.close()
        context.batcher.close()
    if server.failure is not None:
        raise server.failure


def check_limits(loaded: dict[str, ServedModel], settings: Settings) -> None:
    """Raises UserError if the queue cannot hold the longest text of a model."""
    for served in loaded.values():
        tokens = served.predictor.task.costliest
        if tokens > settings.queue_tokens:
            raise UserError(
                f"{served.name} accepts texts of {tokens} tokens, but the queue holds only "
                f"{settings.queue_tokens}; raise queue_tokens"
            )


_SOCKETS = 8
"""Copies of the listening socket. uvloop accepts one connection per socket in each iteration of the
loop, which is too few in a burst."""


class DrainingServer(uvicorn.Server):
    """Drains on the first SIGTERM or SIGINT: not ready, no new requests, accepted requests are
    finished, exit 0.

    uvicorn itself closes the listening socket at once. A load balancer that has not seen the
    readiness probe fail by then loses requests.
    """

    def __init__(self, context: ServiceContext, lifecycle: Lifecycle, on_open: Callable[[], None]):
        self._context = context
        self._lifecycle = lifecycle
        self._on_open = on_open
        self.failure: Exception | None = None
        config = uvicorn.Config(
            make_app(context),
            http=partial(  # type: ignore[arg-type]
                LimitedHttpProtocol,
                patience=context.settings.body_timeout,
                load_shedder=LoadShedder(
                    context.admission, context.metrics, DIALECTS, context.settings.cors_origins
                ),
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
        """Stop because of an error."""
        self.failure, self.should_exit = error, True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Without a socket, wait until the models are ready and share one: a worker that listens
        earlier would refuse requests that the others could answer."""
        while not (sockets or self._context.readiness.warm or self.should_exit):
            await asyncio.sleep(0.02)
        if not self.should_exit:
            settings = self._context.settings
            (listening,) = sockets or [bind_shared(settings.host, settings.port, listen=True)]
            await super().startup([listening.dup() for _ in range(_SOCKETS)])
            listening.close()
            self._on_open()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn's own, this does not raise the signal again at the end, which would change
        the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        loop.add_signal_handler(signal.SIGHUP, self._lifecycle.reload)
        yield

    def _on_signal(self) -> None:
        if self._context.readiness.draining:
            logger.info("stopping at once")
            self.force_exit = self.should_exit = True
            return
        self._context.readiness.draining = True
        logger.info("draining")
        self._draining = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        """Stop when all accepted requests are finished, or the grace period is over."""
        end = time.monotonic() + self._context.settings.grace
        while self.server_state.tasks and time.monotonic() < end:
            await asyncio.sleep(0.02)
        self.should_exit = True
