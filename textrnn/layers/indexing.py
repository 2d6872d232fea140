"""Indexing for the loops of search and generation.

`values[index]` checks its indices and wraps negative ones: five operations instead of one, each of
which is compiled, and runs at every step.
"""

from jax import lax
from jaxtyping import Array, Int, Shaped


def get_at(values: Array, *indices: Int[Array, "..."]) -> Array:
    """values[indices], for indices that exist."""
    return values.at[indices].get(mode="promise_in_bounds", wrap_negative_indices=False)


def set_at(values: Array, index: Int[Array, ""], new: Shaped[Array, "..."]) -> Array:
    """`values` with `new` at an index of the first axis that exists."""
    return lax.dynamic_update_index_in_dim(values, new, index, 0)
