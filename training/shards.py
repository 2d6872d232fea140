"""Data parallelism: batches in shards, divided among the devices of all hosts.

A batch of 4 shards      device 0       device 1       on two devices of a host, or of two
                         shards 0, 1    shards 2, 3

Each device adds up the gradients of its shards, one after the other, and the sums of all devices
are added up (an all-reduce). What is random depends on the shard, and not on the device that works
on it.
"""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

from textrnn.errors import UserError
from training.recipe import TrainConfig

AXIS = "devices"


def stacked(batches: Iterable[Any]) -> Any:
    """Batches of the same shapes, one after the other on a first axis."""
    return jax.tree.map(lambda *arrays: np.stack(arrays), *batches)


def shards_of(config: TrainConfig) -> "Shards":
    """The shards that a recipe asks for, on the devices that it names.

    Raises UserError if the devices are not there, or cannot have equally many shards.
    """
    return Shards(config.shards or 1, _devices_of_hosts(config.devices))


def _devices_of_hosts(count: int) -> Mesh:
    """The first `count` devices of each host. Raises UserError if this host has fewer."""
    available = jax.local_device_count()
    if count > available:
        raise UserError(f"train.devices is {count}, but this host has {available}")
    hosts = [jax.local_devices(process) for process in range(jax.process_count())]
    return Mesh([device for devices in hosts for device in devices[:count]], (AXIS,))


class Shards:
    """Where the shards of a batch are worked on."""

    def __init__(self, count: int, mesh: Mesh):
        """Raises UserError if the devices cannot have equally many shards."""
        if count % mesh.size:
            raise UserError(
                f"train.shards is {count}, which {mesh.size} devices cannot share equally; use a "
                "multiple of their number, or other devices"
            )
        self.count = count
        self.mesh = mesh
        each = count // mesh.size
        here = [n for n, device in enumerate(mesh.devices) if device in jax.local_devices()]
        self.here = range(here[0] * each, (here[-1] + 1) * each)
        """Those of this host."""

    def put(self, local: Any) -> Any:
        """Arrays of all hosts, from the shards of this one, which are on the first axis."""
        sharding = NamedSharding(self.mesh, PartitionSpec(AXIS))
        return jax.tree.map(
            lambda array: jax.make_array_from_process_local_data(sharding, np.asarray(array)), local
        )

    def replicate(self, arrays: Any) -> Any:
        """The same arrays on all devices. They must be equal on all hosts."""
        return jax.device_put(arrays, NamedSharding(self.mesh, PartitionSpec()))

    def sum(
        self, function: Callable[[Any, Array, Any, Any], tuple[Any, Any]]
    ) -> Callable[[Any, Any, Any], tuple[Any, Any]]:
        """(weights, batch, carry) -> (sum, carry), from a function (weights, number of the shard,
        batch of the shard, carry of the shard) -> (terms, carry of the shard).

        The terms are added up over all shards; the carries of the shards are on a first axis.
        """

        def on_a_device(weights: Any, batch: Any, carry: Any) -> tuple[Any, Any]:
            each = self.count // self.mesh.size
            shards = (lax.axis_index(AXIS) * each + jnp.arange(each), batch, carry)
            total, carry = function(weights, *jax.tree.map(lambda x: x[0], shards))
            carry = jax.tree.map(lambda x: x[None], carry)
            if each > 1:

                def add(total: Any, shard: tuple[Array, Any, Any]) -> tuple[Any, Any]:
                    terms, carry = function(weights, *shard)
                    return jax.tree.map(jnp.add, total, terms), carry

                rest = jax.tree.map(lambda x: x[1:], shards)
                total, carries = lax.scan(add, total, rest)
                carry = jax.tree.map(lambda *x: jnp.concatenate(x), carry, carries)
            if self.mesh.size > 1:
                # As one array, since each sum over hosts takes a round trip.
                flat, unflatten = ravel_pytree(total)
                total = unflatten(lax.psum(flat, AXIS))
            return total, carry

        sharded, replicated = PartitionSpec(AXIS), PartitionSpec()
        return jax.shard_map(
            on_a_device,
            mesh=self.mesh,
            in_specs=(replicated, sharded, sharded),
            out_specs=(replicated, sharded),
            check_vma=False,  # the native kernels do not say how they divide
        )
