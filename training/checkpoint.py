"""Checkpoints: all the state that a run needs to resume as if it had not been interrupted."""

from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp
from pydantic import NonNegativeInt

from textrnn.config import Config
from training.step import State


class TrainingProgress(Config):
    """The progress of a run: its state besides the arrays."""

    step: NonNegativeInt = 0
    best: float | None = None
    """The best value of the metric so far, signed so that more is better."""
    since_best: NonNegativeInt = 0
    """Evaluations since the best one."""
    stopped: bool = False
    seconds: float = 0.0
    """Time spent so far, over all parts of an interrupted run."""


class Checkpoints:
    """The last two checkpoints of a run, each written atomically."""

    def __init__(self, directory: Path):
        options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
        self._manager = ocp.CheckpointManager(directory.absolute(), options=options)

    def save(self, state: State, best: dict[str, Any], progress: TrainingProgress) -> None:
        self._manager.save(
            progress.step,
            args=ocp.args.Composite(
                state=ocp.args.StandardSave({"state": state._asdict(), "best": best}),
                progress=ocp.args.JsonSave(progress.model_dump()),
            ),
        )

    def restore(
        self, state: State, best: dict[str, Any]
    ) -> tuple[State, dict[str, Any], TrainingProgress] | None:
        """The newest checkpoint, with the structure of the arguments; None if there is none."""
        step = self._manager.latest_step()
        if step is None:
            return None
        like = {"state": state._asdict(), "best": best}
        restored = self._manager.restore(
            step,
            args=ocp.args.Composite(
                state=ocp.args.StandardRestore(like), progress=ocp.args.JsonRestore()
            ),
        )
        arrays = restored["state"]
        progress = TrainingProgress.parse(restored["progress"], source="checkpoint")
        return State(**arrays["state"]), arrays["best"], progress

    def close(self) -> None:
        self._manager.close()
