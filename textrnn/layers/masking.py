"""Masks for padding and for excluded choices."""

import jax.numpy as jnp

from textrnn.layers.axes import Lengths, Mask

MASKED = -1e9
"""Score or log-probability of an excluded choice. Its probability underflows to 0, while
differences and sums stay finite, as they would not with -inf."""


def valid_positions(time: int, lengths: Lengths) -> Mask:
    """True at real tokens and False at padding.

    lengths 3, 1 and time 4:   [[1, 1], [1, 0], [1, 0], [0, 0]]
    """
    return jnp.arange(time)[:, None] < lengths
