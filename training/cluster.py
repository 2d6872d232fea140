"""Train on the workers of a Ray cluster, or of a local one that is started here."""

import logging
import socket
from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.collective
from ray.train import RunConfig, ScalingConfig, TrainingFailedError
from ray.train.v2.jax import JaxTrainer

from textrnn.bundle import BundleInfo, load_bundle
from textrnn.errors import UserError
from training.hosts import joined
from training.job import run
from training.recipe import Recipe
from training.workers import connect


def train_on_ray(recipe: Recipe, directory: Path, resume: bool, workers: int) -> BundleInfo:
    """`training.job.run` on `workers` workers, each with a GPU if the cluster has as many.

    The directory and the data must be readable by every worker under the same path. Raises
    UserError.
    """
    connect(show_logs=True)
    trainer = JaxTrainer(
        _train,
        train_loop_config={
            "recipe": recipe, "directory": directory.absolute(), "resume": resume,
        },
        scaling_config=ScalingConfig(
            num_workers=workers, use_gpu=ray.cluster_resources().get("GPU", 0) >= workers
        ),
        run_config=RunConfig(name="ray", storage_path=str(directory.absolute())),
    )  # fmt: skip
    try:
        trainer.fit()
    except TrainingFailedError as error:
        raise UserError(
            f"the run on Ray failed ({str(error).splitlines()[0]}); see the output of the workers "
            "above, and continue with --resume"
        ) from None
    return load_bundle(directory / "bundle").info


def _train(config: dict[str, Any]) -> None:
    logging.getLogger("absl").setLevel(logging.WARNING)  # of checkpoints; Ray shows them all
    context = ray.train.get_context()
    rank = context.get_world_rank()
    address = _free_address() if rank == 0 else None
    address = ray.train.collective.broadcast_from_rank_zero(address)
    with joined(str(context.get_world_size()), rank, address):
        run(**config)


def _free_address() -> str:
    with socket.socket() as listener:
        listener.bind(("", 0))
        return f"{ray.util.get_node_ip_address()}:{listener.getsockname()[1]}"
