"""The connection to a Ray cluster, and what its workers have to know."""

import os

import ray

from training.sources import data_root


def connect(*, show_logs: bool) -> None:
    """Connect to the cluster of the environment, or start one on this machine.

    Workers have the settings of this process, and its data root as an absolute path. With
    `show_logs`, what they print is printed here.
    """
    settings = {
        key: value
        for key, value in os.environ.items()
        if key.startswith(("TEXTRNN_", "JAX_", "XLA_"))
    }
    settings["TEXTRNN_DATA"] = str(data_root().absolute())
    ray.init(ignore_reinit_error=True, log_to_driver=show_logs, runtime_env={"env_vars": settings})
