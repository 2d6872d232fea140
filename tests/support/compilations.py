"""Counting compilations."""

import contextlib
from collections.abc import Iterator

import jax.monitoring

_EVENT = "/jax/core/compile/backend_compile_duration"


@contextlib.contextmanager
def compilations() -> Iterator[list[str]]:
    """Yields a list that grows by one entry for each program that JAX compiles, in any thread, or
    reads from its cache of compiled programs."""
    seen: list[str] = []

    def listen(event: str, duration: float, **_: str | int) -> None:
        if event == _EVENT:
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield seen
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
