"""A readout in closed form."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from textrnn.layers.linear import Linear
from training.experiments.sequences import SequenceBatch


def fit_readout(
    output: Linear, states: Float[Array, "tokens features"], batch: SequenceBatch, ridge: float
) -> None:
    """Set `output` to the linear map from states to what is asked for, with the least sum of
    squared errors plus `ridge` times the squared weights. The bias is not penalised."""
    counts = np.asarray(batch.mask) > 0
    h, y = np.asarray(states, np.float64)[counts], np.asarray(batch.y, np.float64)[counts]
    h_mean, y_mean = h.mean(axis=0), y.mean(axis=0)
    centred = h - h_mean
    gram = centred.T @ centred + ridge * np.eye(h.shape[1])
    kernel = np.linalg.solve(gram, centred.T @ (y - y_mean))
    output.kernel[...] = jnp.asarray(kernel, jnp.float32)
    output.bias[...] = jnp.asarray(y_mean - h_mean @ kernel, jnp.float32)
