"""Ragged batches: the tokens of all rows, one after another on one axis.

    lengths 3, 0, 2     tokens    a0 a1 a2 c0 c1  .  .  .     capacity 8
                        row        0  0  0  2  2  3  3  3     3 is past the last row
                        position   0  1  2  0  1  .  .  .

The capacity is static and lengths are data, so one compiled program takes rows of any lengths. Past
the last token is padding: its values are ignored on input and zero on output.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from textrnn.layers.axes import BatchArray, Lengths
from textrnn.native import rows
from textrnn.platform import uses_native

_COMPARED = 2**17


def row_starts(lengths: Lengths) -> Int[Array, " rows"]:
    """The index of the first token of each row."""
    lengths = jnp.asarray(lengths)
    return jnp.cumsum(lengths) - lengths


def row_ids(lengths: Lengths, tokens: int) -> Int[Array, " tokens"]:
    """The row of each token; the number of rows for padding."""
    ends = jnp.cumsum(jnp.asarray(lengths))
    # One comparison with each end is a small program, for few ends also a fast one.
    method = "compare_all" if len(ends) * tokens <= _COMPARED else "scan"
    at = jnp.arange(tokens, dtype=ends.dtype)
    return jnp.searchsorted(ends, at, side="right", method=method).astype(jnp.int32)


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
    row = row_ids(lengths, tokens)
    if _runs_natively(values):
        return _native_take(values, row, lengths)
    return values.at[row].get(mode="fill", fill_value=0)


def take(
    table: Float[Array, "ids features"], ids: Int[BatchArray, " tokens"], lengths: Lengths
) -> Float[Array, "tokens features"]:
    """The entry of a table for each token; padding is unspecified."""
    if _runs_natively(table):
        return _native_take(table, ids, lengths)
    return table[ids]


def token_before(
    x: Shaped[Array, " tokens"], first: Shaped[Array, " rows"], lengths: Lengths
) -> Shaped[Array, " tokens"]:
    """For each token the one before it in its row, or `first` of its row."""
    begins = positions(lengths, len(x)) == 0
    return jnp.where(begins, spread(first, lengths, len(x)), jnp.roll(x, 1))


def sum_rows(x: Shaped[Array, "tokens ..."], lengths: Lengths) -> Shaped[Array, "rows ..."]:
    """The sum over the tokens of each row."""
    if _runs_natively(x):
        return _native_sum(x, lengths)
    return jax.ops.segment_sum(x, row_ids(lengths, len(x)), len(lengths), indices_are_sorted=True)


def max_rows(
    x: Float[Array, "tokens ..."], lengths: Lengths, empty: float
) -> Float[Array, "rows ..."]:
    """The maximum over the tokens of each row, and `empty` for a row without any."""
    if _runs_natively(x):
        return _native_max(x, lengths, empty)
    row = row_ids(lengths, len(x))
    largest = jax.ops.segment_max(x, row, len(lengths), indices_are_sorted=True)
    has_tokens = (jnp.asarray(lengths) > 0).reshape(-1, *(1,) * (x.ndim - 1))
    return jnp.where(has_tokens, largest, empty)


def _runs_natively(x: Array) -> bool:
    return x.ndim == 2 and x.dtype == jnp.float32 and uses_native()


@jax.custom_vjp
def _native_take(table, ids, lengths):
    return rows.native_take(table, jnp.asarray(ids), jnp.asarray(lengths))


def _take_forward(table, ids, lengths):
    return _native_take(table, ids, lengths), (table, ids, lengths)


def _take_backward(saved, d_vectors):
    table, ids, lengths = saved
    at = jnp.where(is_token(lengths, len(ids)), ids, len(table))
    return jnp.zeros_like(table).at[at].add(d_vectors, mode="drop"), None, None


_native_take.defvjp(_take_forward, _take_backward)


@jax.custom_vjp
def _native_sum(x, lengths):
    return rows.native_sum_rows(x, jnp.asarray(lengths))


def _sum_forward(x, lengths):
    return _native_sum(x, lengths), (x[:, :0], lengths)


def _sum_backward(saved, d_sum):
    none_of_x, lengths = saved
    return spread(d_sum, lengths, len(none_of_x)), None


_native_sum.defvjp(_sum_forward, _sum_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _native_max(x, lengths, empty):
    return rows.native_max_rows(x, jnp.asarray(lengths), empty)


def _max_forward(x, lengths, empty):
    largest = _native_max(x, lengths, empty)
    return largest, (x, largest, lengths)


def _max_backward(empty, saved, d_largest):
    """Equal maxima of a row share its gradient, as in `jax.ops.segment_max`."""
    x, largest, lengths = saved
    chosen = (x == spread(largest, lengths, len(x))) & is_token(lengths, len(x))[:, None]
    share = d_largest / jnp.maximum(sum_rows(chosen.astype(jnp.float32), lengths), 1)
    return jnp.where(chosen, spread(share, lengths, len(x)), 0), None


_native_max.defvjp(_max_forward, _max_backward)


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
