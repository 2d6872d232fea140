"""Training: rows -> examples -> batches -> updates -> the best weights."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from textrnn.errors import UserError
from textrnn.parameters import Params, count_parameters, split_model
from textrnn.predictor import Predictor
from textrnn.tasks import Example, Metrics, Row, StreamTask, Task, Window
from training.augmentation import Augmentation, AugmentConfig
from training.augmentation.alignments import align_rows
from training.checkpoint import Checkpoints, TrainingProgress
from training.data_check import check_data, training_task
from training.data_report import DataReport
from training.epochs import Epochs
from training.evaluate import calibrate, headline, metric_of
from training.hosts import agreed, is_first
from training.log import NoLog, RunLog
from training.optimizer import make_optimizer, make_schedule, with_fixed
from training.recipe import Recipe
from training.shards import shards_of, stacked
from training.step import Loss, State, initial_state, make_step, without_carry
from training.truncated_bptt import Streams
from training.warm_start import load_initial_params


@dataclass(frozen=True)
class Prepared:
    """A recipe with its rows and its task, ready for training."""

    recipe: Recipe
    task: Task
    train: list[Row]
    dev: dict[str, list[Row]]
    examples: list[Example]
    """Those of the training rows."""
    report: DataReport


def prepare(recipe: Recipe) -> Prepared:
    """The rows and the task of a recipe. Raises UserError for a mistake in recipe or data."""
    data = check_data(recipe)
    data.findings.refuse()
    assert data.task is not None, "no task was made, but nothing was refused"
    return Prepared(recipe, data.task, data.train, data.dev, data.examples, data.report)


class Evaluation(NamedTuple):
    """What a run knows after one of its evaluations."""

    step: int
    steps: int
    """Of the whole run."""
    value: float
    """The metric that selects the best weights, signed so that more is better."""
    metrics: dict[str, float]
    """Of all development sets, by names such as `heldout.accuracy`."""


def fit(
    prepared: Prepared,
    directory: Path,
    evaluated: Callable[[Evaluation], None] | None = None,
) -> tuple[Params, float]:
    """Train, with checkpoints and logs in `directory`; return the best weights and the seconds.

    Resumes from the newest checkpoint in `directory`, if there is one.
    """
    run = _Run(prepared, directory, evaluated or (lambda _: None))
    run.train()
    return on_this_host(run.best), run.progress.seconds


class _Run:
    """A training run, from its first step or a checkpoint to its last step."""

    def __init__(
        self, prepared: Prepared, directory: Path, evaluated: Callable[[Evaluation], None]
    ):
        model = prepared.task.build(nnx.Rngs(prepared.recipe.train.seed))
        config = prepared.recipe.train
        optimizer_config = with_fixed(config.optimizer, model)
        self.config = config = config.model_copy(update={"optimizer": optimizer_config})
        self.dev = prepared.dev
        self.directory = directory
        self.evaluated = evaluated
        self.shards = shards_of(config)
        served = prepared.task
        task, examples = training_task(served, config), prepared.examples
        if isinstance(task, StreamTask):
            ids = np.concatenate([example.ids for example in examples])
            self.epochs = Streams(ids, config)
            loss: Loss = task.loss_with_carry
            self.count = len(examples)
            streams = self.epochs.rows // self.shards.count
            carry = stacked([task.initial_carry(streams)] * len(self.shards.here))
        else:
            windows = [window for example in examples for window in example.windows]
            self.epochs = Epochs(windows, task.collate, config, _augmented(prepared, task))
            loss, carry = without_carry(task), ()
            self.count = len(windows)
        self.total = self.epochs.steps(config.epochs)
        updates = max(self.total // config.optimizer.accumulate, 1)
        self.rate = make_schedule(config.optimizer, updates)
        optimizer = make_optimizer(config.optimizer, updates)

        graph, params = split_model(model)
        params = load_initial_params(prepared.recipe.start, params)
        self.predictor = Predictor(served, params)
        self.step = make_step(loss, graph, optimizer, config, self.shards)
        state = self.shards.replicate(initial_state(params, optimizer, config, ()))
        self.state: State = state._replace(carry=self.shards.put(carry))
        self.best: Params = jax.tree.map(jnp.copy, self.state.params)
        self.progress = TrainingProgress()
        self.metric = metric_of(served, config.metric)

    def train(self) -> None:
        checkpoints = Checkpoints(self.directory / "checkpoints")
        checkpoint = checkpoints.restore(self.state, self.best)
        if checkpoint is not None:
            self.state, self.best, self.progress = checkpoint
        step = self.progress.step
        with RunLog(self.directory, self.total, step) if is_first() else NoLog() as log:
            log.say(
                f"{self.count} examples, {count_parameters(self.state.params):,} parameters, "
                f"{self.total} steps from step {step}"
            )
            if not self.progress.stopped:
                self._train(checkpoints, log)
        checkpoints.close()

    def _train(self, checkpoints: Checkpoints, log: RunLog | NoLog) -> None:
        config = self.config
        losses: list[jax.Array] = []
        tokens, began = 0, time.monotonic()
        seconds_before, resumed = self.progress.seconds, time.monotonic()
        for group, ends_epoch, is_last in self._remaining():
            batch = stacked(self.epochs.collate(group, shard) for shard in self.shards.here)
            tokens += jax.process_count() * (
                int(batch["lengths"].sum()) if "lengths" in batch else batch["ids"][..., 1:].size
            )
            self.state, loss = self.step(self.state, self.shards.put(batch))
            losses.append(loss)
            step = self.progress.step + 1
            self.progress = self.progress.model_copy(update={"step": step})
            if step % config.log_every == 0 or is_last:
                mean = float(np.mean([float(loss) for loss in losses]))
                if not np.isfinite(mean):
                    raise UserError(
                        f"the loss is {mean} after step {step}: the run has diverged; "
                        "lower train.optimizer.rate, or set train.optimizer.clip"
                    )
                rate = tokens / (time.monotonic() - began)
                updates = step // config.optimizer.accumulate
                log.scalars(
                    step,
                    loss=mean,
                    tokens_per_s=rate,
                    learning_rate=float(np.asarray(self.rate(updates))),
                )
                log.progress(step, mean, rate)
                losses, tokens, began = [], 0, time.monotonic()
            every = config.evaluate_every
            if is_last or (step % every == 0 if every else ends_epoch):
                self._evaluate(log)
                began = time.monotonic()
            if step % config.checkpoint_every == 0 or is_last or self.progress.stopped:
                seconds = seconds_before + time.monotonic() - resumed
                self.progress = self.progress.model_copy(update={"seconds": seconds})
                checkpoints.save(self.state, self.best, self.progress)
                began = time.monotonic()
            if self.progress.stopped:
                log.say(f"no better evaluation in the last {config.patience}: stopped")
                return

    def _remaining(self) -> Iterator[tuple[Any, bool, bool]]:
        """The remaining batches, and whether each is the last of its epoch, and of all."""
        passed, final = 0, self.config.epochs - 1
        for epoch in range(self.config.epochs):
            groups = self.epochs.batches(epoch)
            start = max(self.progress.step - passed, 0)
            for index, group in enumerate(groups[start:], start=start):
                ends_epoch = index == len(groups) - 1
                yield group, ends_epoch, ends_epoch and epoch == final
            passed += len(groups)

    def _evaluate(self, log: RunLog | NoLog) -> None:
        metrics: dict[str, Metrics] = {}
        value = 0.0
        if is_first():
            self.predictor.params = on_this_host(self.state.best_params)
            _, metrics = calibrate(self.predictor, self.dev, thorough=False)
            value = headline(metrics, self.metric)
        value = agreed(value)
        best = self.progress.best
        better = best is None or value > best
        since = 0 if better else self.progress.since_best + 1
        # A few development rows often tie; the later weights have seen more.
        if better or value == best:
            self.best = jax.tree.map(jnp.copy, self.state.best_params)
        patience = self.config.patience
        self.progress = self.progress.model_copy(
            update={
                "best": value if better else best,
                "since_best": since,
                "stopped": patience is not None and since >= patience,
            }
        )
        flat = _flat(metrics)
        log.scalars(self.progress.step, **flat)
        shown = "  ".join(f"{name} {number:.4f}" for name, number in flat.items())
        log.say(f"step {self.progress.step}  {shown}{'  *' if better else ''}")
        self.evaluated(Evaluation(self.progress.step, self.total, value, flat))


def _augmented(prepared: Prepared, task: Task) -> Callable[[int], Sequence[Window]] | None:
    """The windows of each epoch, if the recipe augments its rows."""
    config, rows = prepared.recipe.augment, prepared.train
    if config == AugmentConfig():
        return None
    links = align_rows(rows) if config.aligned else ()
    recipe = prepared.recipe
    augmentation = Augmentation(config, rows, recipe.train.seed, recipe.target_language, links)
    options = task.options_type(truncate=True)

    def windows(epoch: int) -> list[Window]:
        examples = (task.read(row, options, gold=True) for row in augmentation.rows(epoch))
        return [window for example in examples for window in example.windows]

    return windows


def on_this_host(arrays: Any) -> Any:
    """Arrays that all devices of all hosts have, on the first device of this one."""
    return jax.tree.map(lambda array: array.addressable_data(0), arrays)


def _flat(metrics: dict[str, Metrics]) -> dict[str, float]:
    return {f"{name}.{m}": value for name, values in metrics.items() for m, value in values.items()}
