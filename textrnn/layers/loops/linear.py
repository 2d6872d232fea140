"""Linear recurrences over ragged rows, without a loop."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from textrnn.layers.axes import Lengths
from textrnn.layers.cells.cell import Carry
from textrnn.layers.cells.linear import LinearCell
from textrnn.layers.ragged import is_token, row_starts


def linear_scan(
    cell: LinearCell,
    reverse: bool,
    x: Float[Array, "tokens inputs"],
    carry: Carry,
    lengths: Lengths,
) -> tuple[Float[Array, "tokens hidden"], Carry]:
    """The outputs and the last carry, by a parallel scan of the maps h -> a h + b (Blelloch 1990).

    A row begins with the map to the constant a h + b of its initial state h, so that nothing of the
    row before passes.
    """
    (h,), tokens = carry, len(x)
    a, b = cell.coefficients(cell.project(x))
    starts = row_starts(lengths)
    first = starts + lengths - 1 if reverse else starts
    last = starts if reverse else starts + lengths - 1
    empty = lengths == 0
    begins = jnp.where(empty, tokens, first)
    b = b.at[begins].add(a.at[begins].get(mode="fill", fill_value=0) * h, mode="drop")
    a = a.at[begins].set(0, mode="drop")

    def compose(before, after):
        (a, b), (c, d) = before, after
        return a * c, b * c + d

    _, outputs = jax.lax.associative_scan(compose, (a, b), reverse=reverse)
    outputs = jnp.where(is_token(lengths, tokens)[:, None], outputs, 0)
    ends = outputs.at[jnp.where(empty, 0, last)].get(mode="clip")
    return outputs, (jnp.where(empty[:, None], h, ends),)
