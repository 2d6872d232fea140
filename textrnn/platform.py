"""The platform that programs are traced for, which decides between kernels of the same function."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import jax

from textrnn import native

_chosen: ContextVar[str | None] = ContextVar("platform", default=None)


@contextlib.contextmanager
def tracing_for(platform: str) -> Iterator[None]:
    """Trace for `cpu`, `cuda` or `tpu` instead of the default device, as for an export."""
    token = _chosen.set(platform)
    try:
        yield
    finally:
        _chosen.reset(token)


def uses_native() -> bool:
    """Whether programs call the native CPU kernels."""
    return (_chosen.get() or jax.default_backend()) == "cpu" and native.available()
