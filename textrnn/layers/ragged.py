"""Ragged batches: the tokens of all rows, one after another on one axis.

    lengths 3, 0, 2     tokens    a0 a1 a2 c0 c1  .  .  .     capacity 8
                        row        0  0  0  2  2  3  3  3     3 is past the last row
                        position   0  1  2  0  1  .  .  .

The capacity is static and lengths are data, so one compiled program takes rows of any lengths. Past
the last token is padding: its values are ignored on input and zero on output.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from textrnn.layers.axes import Lengths


def row_starts(lengths: Lengths) -> Int[Array, " rows"]:
    """The index of the first token of each row."""
    lengths = jnp.asarray(lengths)
    return jnp.cumsum(lengths) - lengths


def row_ids(lengths: Lengths, tokens: int) -> Int[Array, " tokens"]:
    """The row of each token; the number of rows for padding."""
    ends = jnp.cumsum(jnp.asarray(lengths))
    return jnp.searchsorted(ends, jnp.arange(tokens), side="right").astype(jnp.int32)


def positions(lengths: Lengths, tokens: int) -> Int[Array, " tokens"]:
    """The position of each token in its row; meaningless for padding."""
    starts = row_starts(lengths)
    return jnp.arange(tokens) - starts.at[row_ids(lengths, tokens)].get(mode="clip")


def is_token(lengths: Lengths, tokens: int) -> Bool[Array, " tokens"]:
    """False for padding."""
    return jnp.arange(tokens) < jnp.asarray(lengths).sum()


def spread(
    values: Shaped[Array, "rows ..."], lengths: Lengths, tokens: int
) -> Shaped[Array, "{tokens} ..."]:
    """The value of its row for each token, and zero for padding."""
    return values.at[row_ids(lengths, tokens)].get(mode="fill", fill_value=0)


def token_before(
    x: Shaped[Array, " tokens"], first: Shaped[Array, " rows"], lengths: Lengths
) -> Shaped[Array, " tokens"]:
    """For each token the one before it in its row, or `first` of its row."""
    begins = positions(lengths, len(x)) == 0
    return jnp.where(begins, spread(first, lengths, len(x)), jnp.roll(x, 1))


def sum_rows(x: Shaped[Array, "tokens ..."], lengths: Lengths) -> Shaped[Array, "rows ..."]:
    """The sum over the tokens of each row."""
    rows = row_ids(lengths, len(x))
    return jax.ops.segment_sum(x, rows, len(lengths), indices_are_sorted=True)


def max_rows(
    x: Float[Array, "tokens ..."], lengths: Lengths, empty: float
) -> Float[Array, "rows ..."]:
    """The maximum over the tokens of each row, and `empty` for a row without any."""
    rows = row_ids(lengths, len(x))
    largest = jax.ops.segment_max(x, rows, len(lengths), indices_are_sorted=True)
    has_tokens = (jnp.asarray(lengths) > 0).reshape(-1, *(1,) * (x.ndim - 1))
    return jnp.where(has_tokens, largest, empty)


def last_tokens(x: Shaped[Array, "tokens ..."], lengths: Lengths) -> Shaped[Array, "rows ..."]:
    """The last token of each row; meaningless for an empty row."""
    return x.at[row_starts(lengths) + jnp.asarray(lengths) - 1].get(mode="clip")


def to_grid(
    x: Shaped[Array, "tokens ..."], lengths: Lengths, length: int
) -> Shaped[Array, "rows {length} ..."]:
    """The tokens of each row as a padded array; those beyond `length` are left out."""
    at = jnp.arange(length)
    index = row_starts(lengths)[:, None] + at
    real = at < jnp.asarray(lengths)[:, None]
    return x.at[jnp.where(real, index, len(x))].get(mode="fill", fill_value=0)


def from_grid(
    x: Shaped[Array, "rows length ..."], lengths: Lengths, tokens: int
) -> Shaped[Array, "{tokens} ..."]:
    """The inverse of `to_grid`."""
    row, position = row_ids(lengths, tokens), positions(lengths, tokens)
    return x.at[row, position].get(mode="fill", fill_value=0)
