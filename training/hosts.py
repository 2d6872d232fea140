"""The hosts of a training run: processes of JAX's distributed runtime, each with its own devices.

All of them run the same program on the same recipe. The first one evaluates, writes the log and
exports the model.
"""

import os
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import jax
import numpy as np
from jax.experimental import multihost_utils

from textrnn.errors import UserError

JOINING_SECONDS = 300
"""How long hosts wait for each other at the start."""
SILENT_SECONDS = 30
"""After how long without a sign of life a host counts as dead."""
EXPORTING_SECONDS = 24 * 3600
"""How long the others wait for the first one to export the model."""


@contextmanager
def joined(hosts: str | None, host_id: int | None, coordinator: str | None) -> Iterator[None]:
    """Be one of several hosts within this context; nothing if `hosts` is None.

    `hosts` is their number, or `auto` to get all three from the environment of a scheduler. If this
    host fails, or another one does not answer any more, the process ends at once with one message:
    what the hosts have in common cannot be taken down in order any more. Raises UserError for
    arguments that do not fit together, and if the hosts do not find each other.
    """
    if hosts is None:
        if host_id is not None or coordinator is not None:
            raise UserError("--host-id and --coordinator need --hosts")
        yield
        return
    _initialize(hosts, host_id, coordinator)
    try:
        yield
    except UserError as error:
        _end(str(error))
    except Exception as error:
        if "gloo" in str(error).lower() or "nccl" in str(error).lower():
            _end(
                f"host {jax.process_index()}: another host has stopped, or cannot be reached "
                f"({str(error).splitlines()[0]}); see its output, and continue with --resume on "
                "all hosts"
            )
        traceback.print_exc()
        _end(f"host {jax.process_index()} failed, see above")
    except BaseException:
        _end(f"host {jax.process_index()} was interrupted; continue with --resume on all hosts")
    jax.distributed.shutdown()


def _initialize(hosts: str, host_id: int | None, coordinator: str | None) -> None:
    count = None
    if hosts != "auto":
        if not hosts.isdecimal() or int(hosts) < 1:
            raise UserError(f"--hosts is {hosts!r}; expected a number, or auto")
        count = int(hosts)
        if host_id is None or coordinator is None:
            raise UserError(
                f"--hosts {hosts} needs --host-id, from 0 to {count - 1}, and --coordinator, the "
                "address and a free port of host 0, as in 10.0.0.1:9000; or give --hosts auto"
            )
        if not 0 <= host_id < count:
            raise UserError(f"--host-id is {host_id}; expected 0 to {count - 1}")
        if not coordinator.rpartition(":")[2].isdecimal():
            raise UserError(f"--coordinator is {coordinator!r}; expected ADDRESS:PORT")
        _use_route_to(coordinator)
    elif host_id is not None or coordinator is not None:
        raise UserError("--hosts auto finds --host-id and --coordinator by itself; give neither")
    try:
        jax.distributed.initialize(
            coordinator,
            count,
            host_id,
            initialization_timeout=JOINING_SECONDS,
            heartbeat_timeout_seconds=SILENT_SECONDS,
            shutdown_timeout_seconds=EXPORTING_SECONDS,
        )
    except (ValueError, RuntimeError) as error:
        known = "; SLURM, Open MPI, Kubernetes and TPU pods are known" if hosts == "auto" else ""
        raise UserError(
            f"the hosts did not find each other{known}: {str(error).splitlines()[0]}"
        ) from None


def _use_route_to(coordinator: str) -> None:
    """Let gloo use the address of this host on the way to the coordinator.

    JAX leaves it to gloo, which takes what the name of the host stands for. On many machines that
    is the loopback device, where no other host can connect. JAX has no option for it, so this is
    left undone in a version whose internals differ.
    """
    host, _, port = coordinator.rpartition(":")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, int(port)))  # sends nothing
            address = probe.getsockname()[0]
    except OSError as error:
        raise UserError(f"--coordinator is {coordinator!r}, which has no route: {error}") from None
    try:
        from jax._src.lib import _jax  # pyright: ignore[reportPrivateImportUsage]

        make = _jax.make_gloo_tcp_collectives
    except (ImportError, AttributeError):
        return
    _jax.make_gloo_tcp_collectives = partial(make, hostname=address)


def _end(message: str) -> None:
    print(f"textrnn: {' '.join(message.split())}", file=sys.stderr, flush=True)
    os._exit(1)


def is_first() -> bool:
    """Whether this is the host that evaluates and writes."""
    return jax.process_index() == 0


def agreed(value: float) -> float:
    """The value of the first host, on all of them."""
    if jax.process_count() == 1:
        return value
    return float(multihost_utils.broadcast_one_to_all(np.float64(value)))


def wait_for_all(place: str) -> None:
    """Return when all hosts have come to this place."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(place)
