"""Ragged batches from one array for each row, and back."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def to_ragged(
    rows: Sequence[Any], padding: int = 3, fill: float = 7.0
) -> tuple[jax.Array, np.ndarray]:
    """The tokens of all rows, [tokens, ...], followed by `padding` tokens that consist of `fill`,
    and the lengths. Floats are float32 and integers are int32, as in batches."""
    arrays = [np.asarray(row) for row in rows]
    kind = np.float32 if arrays[0].dtype.kind == "f" else np.int32
    end = np.full((padding, *arrays[0].shape[1:]), fill)
    lengths = np.array([len(array) for array in arrays], np.int32)
    return jnp.asarray(np.concatenate([*arrays, end]), kind), lengths


def to_rows(tokens: Any, lengths: Any) -> list[np.ndarray]:
    """The tokens of each row."""
    return np.split(np.asarray(tokens)[: np.sum(lengths)], np.cumsum(lengths)[:-1])
