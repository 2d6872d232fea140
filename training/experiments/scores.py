"""The loss of outputs, and the figure that they reach."""

from typing import Literal

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float

from textrnn.layers.losses import token_cross_entropy
from textrnn.layers.ragged import max_rows
from training.experiments.sequences import SequenceBatch, SequenceTask

Figure = Literal["sequences", "tokens"]
"""A share of right answers: of sequences that are right in all steps that count, or of these steps
themselves. A step of several bits is right if all are."""


def sequence_loss(
    task: SequenceTask, outputs: Float[Array, "tokens outputs"], batch: SequenceBatch
) -> Float[Array, ""]:
    """The mean over the steps that count: cross-entropy, or the squared error of numbers."""
    y = jnp.asarray(batch.y)
    if task.kind == "classes":
        losses = token_cross_entropy(outputs, y)
    elif task.kind == "bits":
        losses = optax.sigmoid_binary_cross_entropy(outputs, y).mean(axis=-1)
    else:
        losses = ((outputs - y) ** 2).mean(axis=-1)
    return (losses * batch.mask).sum() / batch.mask.sum()


def sequence_figure(
    task: SequenceTask,
    figure: Figure,
    outputs: Float[Array, "tokens outputs"],
    batch: SequenceBatch,
) -> Float[Array, ""]:
    """The share of right answers, or the root of the mean squared error of numbers."""
    if task.kind == "numbers":
        return jnp.sqrt(sequence_loss(task, outputs, batch))
    wrong = ~_right(task, outputs, batch) * batch.mask
    if figure == "tokens":
        return 1 - wrong.sum() / batch.mask.sum()
    return 1 - max_rows(wrong[:, None], batch.lengths, 0.0).mean()


def _right(
    task: SequenceTask, outputs: Float[Array, "tokens outputs"], batch: SequenceBatch
) -> Bool[Array, " tokens"]:
    if task.kind == "classes":
        return outputs.argmax(axis=-1) == batch.y
    return ((outputs > 0) == (jnp.asarray(batch.y) > 0)).all(axis=-1)
