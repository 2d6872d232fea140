"""What can be seen of a model at each token that it reads or writes.

    text          R      O      M      E
    likelihood  -3.1   -0.2   -0.1   -0.0     of the token, under the model itself
    top         A I T  O E .  M L S  E . .    what it took for likeliest there
    cell 17      0.1    0.4    0.8    0.9     what one cell held when it came to the token

Karpathy et al. (2015) found cells that way which count quotes and the length of lines.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

CELLS = 8
"""As many cells are watched at a time."""
TOP = 5


class CaptureOptions(NamedTuple):
    """What the rows of a batch ask for. All are values: others need no other program."""

    cells: Any
    """[rows, CELLS]; units of the last layer."""
    top: Any
    """[rows]; whether the likeliest tokens are wanted."""


class Captured(NamedTuple):
    """Of each token of a batch, or of a part of a row; here for a row."""

    likelihood: Any
    """[tokens]; the log-probability."""
    top: Any
    """[tokens, TOP]; the likeliest tokens first."""
    top_likelihood: Any
    activation: Any
    """[tokens, CELLS]; outputs of cells, from -1 to 1."""

    def part(self, start: int, end: int | None = None) -> Self:
        # Copies: a view of a row would keep its whole batch.
        return type(self)(*(np.array(values[start:end]) for values in self))

    def columns(self, top: int, cells: int) -> Self:
        """With as many alternatives and cells as were asked for."""
        return self._replace(
            top=self.top[:, :top],
            top_likelihood=self.top_likelihood[:, :top],
            activation=self.activation[:, :cells],
        )


def look(
    logits: Float[Array, "*batch ids"],
    h: Float[Array, "*batch hidden"],
    tokens: Int[Array, " *batch"],
    watch: CaptureOptions,
) -> Captured:
    """What is to be seen where `tokens` came, from the logits that they came from. The last axis of
    `*batch` is that of the rows."""
    likelihoods = jax.nn.log_softmax(logits)
    batch = tokens.shape
    kept = min(TOP, logits.shape[-1])

    def likeliest() -> tuple[Array, Array]:
        values, ids = lax.top_k(likelihoods, kept)
        spare = [(0, 0)] * len(batch) + [(0, TOP - kept)]
        return jnp.pad(ids, spare), jnp.pad(values, spare, constant_values=-jnp.inf)

    def none() -> tuple[Array, Array]:
        return jnp.zeros((*batch, TOP), jnp.int32), jnp.zeros((*batch, TOP))

    top, top_likelihood = lax.cond(watch.top.any(), likeliest, none)
    return Captured(
        likelihood=jnp.take_along_axis(likelihoods, tokens[..., None], axis=-1)[..., 0],
        top=top,
        top_likelihood=top_likelihood,
        activation=jnp.take_along_axis(h, jnp.broadcast_to(watch.cells, (*batch, CELLS)), axis=-1),
    )


def join(parts: Sequence[Captured]) -> Captured:
    """One after the other."""
    return Captured(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def nothing(top: int = 0, cells: int = 0) -> Captured:
    """Of no token."""
    row = np.zeros(0, np.float32)
    return Captured(row, np.zeros((0, top), np.int32), np.zeros((0, top), np.float32),
                np.zeros((0, cells), np.float32))  # fmt: skip


def by_character(seen: Captured, whole: Bool[np.ndarray, " tokens"]) -> Captured:
    """Of characters, of which each is one token or more; `whole` says which tokens complete one.
    The likelihood is that of its tokens together, all else what was seen at the first of them."""
    if whole.all():
        return seen
    starts = np.concatenate([[True], whole[:-1]]).nonzero()[0]
    first = Captured(*(values[starts] for values in seen))
    return first._replace(likelihood=np.add.reduceat(seen.likelihood, starts))


def rows_of(cells: Sequence[Sequence[int]], top: Sequence[bool], count: int) -> CaptureOptions:
    """For a batch of `count` rows, of which the last ask for nothing."""
    wanted = np.zeros((count, CELLS), np.int32)
    for row, units in enumerate(cells):
        wanted[row, : len(units)] = units
    return CaptureOptions(wanted, np.array([*top] + [False] * (count - len(top)), bool))
