"""Values captured from a model at each token that it reads or writes.

    text               R      O      M      E
    log-probability  -3.1   -0.2   -0.1   -0.0     of the token, under the model itself
    top              A I T  O E .  M L S  E . .    the most probable tokens at that position
    cell 17           0.1    0.4    0.8    0.9     the activation of one cell before the token

Karpathy et al. (2015) found cells in this way that count quotes and track the length of lines.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

MAX_CELLS = 8
"""Cells that can be captured at a time."""
MAX_ALTERNATIVES = 5
"""Most probable tokens that are captured at each position."""


class CaptureOptions(NamedTuple):
    """What to capture for the rows of a batch, as array values that need no recompilation."""

    cells: Any
    """[rows, MAX_CELLS]; units of the last layer."""
    top: Any
    """[rows]; whether to capture the most probable tokens."""


class Captured(NamedTuple):
    """Captured values of tokens: those of a batch, or a range of one row."""

    log_probability: Any
    """[tokens]"""
    top_ids: Any
    """[tokens, MAX_ALTERNATIVES]; in descending order of probability."""
    top_log_probability: Any
    activation: Any
    """[tokens, MAX_CELLS]; outputs of cells, from -1 to 1."""

    def part(self, start: int, end: int | None = None) -> "Captured":
        """The values of the tokens from `start` up to `end`."""
        # Copies: a view of a row would keep its whole batch.
        return Captured(*(np.array(values[start:end]) for values in self))

    def columns(self, top: int, cells: int) -> "Captured":
        """Only the requested number of alternatives and cells."""
        return self._replace(
            top_ids=self.top_ids[:, :top],
            top_log_probability=self.top_log_probability[:, :top],
            activation=self.activation[:, :cells],
        )


def capture(
    logits: Float[Array, "*batch ids"],
    h: Float[Array, "*batch hidden"],
    tokens: Int[Array, "*batch"],
    cells: Int[Array, "... cells"],
    top: Bool[Array, ""],
) -> Captured:
    """The captured values of `tokens`, from the logits that predicted them and the outputs `h` of
    the last layer at these steps. `top` says whether the most probable tokens are captured."""
    normaliser = jax.nn.logsumexp(logits, axis=-1)
    batch = tokens.shape
    alternatives = min(MAX_ALTERNATIVES, logits.shape[-1])

    def most_probable() -> tuple[Array, Array]:
        values, ids = lax.top_k(logits, alternatives)
        values = values - normaliser[..., None]
        padding = [(0, 0)] * len(batch) + [(0, MAX_ALTERNATIVES - alternatives)]
        return jnp.pad(ids, padding), jnp.pad(values, padding, constant_values=-jnp.inf)

    def zeros() -> tuple[Array, Array]:
        shape = (*batch, MAX_ALTERNATIVES)
        return jnp.zeros(shape, jnp.int32), jnp.zeros(shape)

    top_ids, top_log_probability = lax.cond(top, most_probable, zeros)
    cells = jnp.broadcast_to(cells, (*batch, MAX_CELLS))
    return Captured(
        jnp.take_along_axis(logits, tokens[..., None], axis=-1)[..., 0] - normaliser,
        top_ids,
        top_log_probability,
        jnp.take_along_axis(h, cells, axis=-1),
    )


def join(parts: Sequence[Captured]) -> Captured:
    """Concatenate consecutive parts of a row."""
    return Captured(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def empty_capture(top: int = 0, cells: int = 0) -> Captured:
    """The captured values of no tokens, with these numbers of alternatives and cells."""
    return Captured(
        np.zeros(0, np.float32),
        np.zeros((0, top), np.int32),
        np.zeros((0, top), np.float32),
        np.zeros((0, cells), np.float32),
    )


def by_character(captured: Captured, complete: Bool[np.ndarray, " tokens"]) -> Captured:
    """Merge the tokens of each character; `complete` marks the last token of each.

    Log-probabilities are summed; the other values are those of the character's first token.
    """
    if complete.all():
        return captured
    starts = np.concatenate([[True], complete[:-1]]).nonzero()[0]
    first = Captured(*(values[starts] for values in captured))
    return first._replace(log_probability=np.add.reduceat(captured.log_probability, starts))


def batch_capture_options(
    cells: Sequence[Sequence[int]], top: Sequence[bool], rows: int
) -> CaptureOptions:
    """The options of a batch of `rows` rows, the last of which may be padding."""
    units = np.zeros((rows, MAX_CELLS), np.int32)
    for row, chosen in enumerate(cells):
        units[row, : len(chosen)] = chosen
    return CaptureOptions(units, np.array([*top] + [False] * (rows - len(top)), bool))
