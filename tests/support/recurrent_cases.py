"""Random ragged batches for recurrent kernels, and what they are compared with."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from support.reference_cells import unroll

GATES = {"elman": 1, "lstm": 4, "gru": 3}
CARRIES = {"elman": 1, "lstm": 2, "gru": 1}


class Case(NamedTuple):
    """Arrays of float32 for each direction, in the order of `native_unroll`."""

    cell: Any
    weights: list[tuple[np.ndarray, ...]]
    """input kernel, recurrent kernel, bias and, for a GRU, recurrent bias."""
    x: list[np.ndarray]
    carries: list[tuple[np.ndarray, ...]]
    lengths: np.ndarray
    reverse: tuple[bool, ...]

    @property
    def hidden(self) -> int:
        return self.weights[0][1].shape[0]

    def tokens(self, row: int) -> slice:
        end = int(self.lengths[: row + 1].sum())
        return slice(end - int(self.lengths[row]), end)


def random_case(
    cell: str,
    seed: int,
    hidden: int,
    lengths: np.ndarray,
    reverse: tuple[bool, ...],
    spare: int = 3,
) -> Case:
    """`spare` tokens past the last real one contain NaN, which nothing may read."""
    random = np.random.default_rng(seed)
    inputs, width, tokens = int(random.integers(1, 40)), GATES[cell] * hidden, int(lengths.sum())

    def normal(*shape: int, scale: float = 1) -> np.ndarray:
        return (scale * random.normal(size=shape)).astype(np.float32)

    weights, x, carries = [], [], []
    for _ in reverse:
        bias = (normal(width), normal(hidden)) if cell == "gru" else (normal(width),)
        kernels = (normal(inputs, width, scale=0.2), normal(hidden, width, scale=hidden**-0.5))
        weights.append((*kernels, *bias))
        x.append(np.concatenate([normal(tokens, inputs), np.full((spare, inputs), np.nan, "f")]))
        carries.append(tuple(normal(len(lengths), hidden) for _ in range(CARRIES[cell])))
    return Case(cell, weights, x, carries, np.asarray(lengths, np.int32), reverse)


class Bfloat16Matrix:
    """A matrix of float64 in whose products `x @ matrix` both operands are rounded to bfloat16."""

    __array_ufunc__ = None  # so that NumPy leaves the product to this class

    def __init__(self, matrix: np.ndarray):
        self._matrix = rounded(matrix)
        self.shape = matrix.shape

    def __rmatmul__(self, x: np.ndarray) -> np.ndarray:
        return rounded(x) @ self._matrix


def rounded(x):
    """Float64 values rounded to bfloat16, of NumPy or JAX."""
    return x.astype(jnp.bfloat16).astype(x.dtype)


def expected(
    case: Case, *, bfloat16: bool = False
) -> tuple[np.ndarray, list[tuple[np.ndarray, ...]]]:
    """Outputs and final carries, one row and one step at a time in float64; with `bfloat16`, the
    operands of products with the kernels are rounded."""
    hidden = case.hidden
    outputs = np.zeros((len(case.x[0]), len(case.reverse) * hidden))
    finals = []
    names = ("input_kernel", "recurrent_kernel", "bias", "recurrent_bias")
    for d, reverse in enumerate(case.reverse):
        # A GRU has all four.
        params: dict[str, Any] = {
            n: w.astype(float) for n, w in zip(names, case.weights[d], strict=False)
        }
        if bfloat16:
            params |= {name: Bfloat16Matrix(params[name]) for name in names[:2]}
        final = [[] for _ in case.carries[d]]
        for row, length in enumerate(case.lengths):
            span = case.tokens(row)
            carry = tuple(c[row].astype(float) for c in case.carries[d])
            out, carry = unroll(case.cell, params, case.x[d][span].astype(float), carry, reverse)
            if length:
                outputs[span, d * hidden : (d + 1) * hidden] = out
            for values, value in zip(final, carry, strict=True):
                values.append(value)
        finals.append(tuple(np.stack(values) for values in final))
    return outputs, finals


@jax.custom_vjp
def bfloat16_matmul(x, w):
    """x @ w with rounded operands, also in the products of the gradient."""
    return rounded(x) @ rounded(w)


bfloat16_matmul.defvjp(
    lambda x, w: (bfloat16_matmul(x, w), (x, w)),
    lambda saved, d: (bfloat16_matmul(d, saved[1].T), bfloat16_matmul(saved[0].T, d)),
)


def gradients(
    case: Case,
    d_outputs: np.ndarray,
    d_carries: list[tuple[np.ndarray, ...]],
    *,
    bfloat16: bool = False,
):
    """By weights, x and initial carries of each direction: autodiff of a masked scan in float64.

    The total whose gradient is taken weights outputs with `d_outputs` and final carries with
    `d_carries`. With `bfloat16`, the operands of products are rounded.
    """
    matmul = bfloat16_matmul if bfloat16 else jnp.matmul
    hidden, time = case.hidden, int(case.lengths.max(initial=0))
    starts = np.cumsum(case.lengths) - case.lengths
    steps = np.arange(time)[:, None]

    def direction(d, weights, x, carry):
        def step(carry, t):
            """Position t of each row, padding included."""
            valid = (t < case.lengths)[:, None]
            token = jnp.where(valid[:, 0], starts + t, 0)
            new = _step(case.cell, weights, carry, x[token], matmul)
            weight = output_weights[:, d * hidden : (d + 1) * hidden][token]
            kept = tuple(jnp.where(valid, n, c) for n, c in zip(new, carry, strict=True))
            return kept, jnp.where(valid, new[-1] * weight, 0).sum()

        order = steps[::-1] if case.reverse[d] else steps
        carry, totals = jax.lax.scan(step, carry, jnp.asarray(order[:, 0]))
        finals = zip(carry, d_carries[d], strict=True)
        return totals.sum() + sum((c * w).sum() for c, w in finals)

    def total(weights, x, carries):
        return sum(direction(d, weights[d], x[d], carries[d]) for d in range(len(case.reverse)))

    with jax.enable_x64(True):
        output_weights = jnp.asarray(d_outputs, jnp.float64)
        given = jax.tree.map(
            lambda a: jnp.asarray(np.nan_to_num(a), jnp.float64),
            (case.weights, case.x, case.carries),
        )
        return jax.tree.map(np.asarray, jax.jit(jax.grad(total, argnums=(0, 1, 2)))(*given))


def _step(cell: str, weights, carry, x, matmul):
    projected, recurrent = matmul(x, weights[0]) + weights[2], matmul(carry[-1], weights[1])
    if cell == "elman":
        return (jnp.tanh(projected + recurrent),)
    if cell == "lstm":
        i, f, g, o = jnp.split(projected + recurrent, 4, axis=-1)
        c = jax.nn.sigmoid(f) * carry[0] + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (c, jax.nn.sigmoid(o) * jnp.tanh(c))
    r_x, z_x, n_x = jnp.split(projected, 3, axis=-1)
    r_h, z_h, n_h = jnp.split(recurrent, 3, axis=-1)
    r, z = jax.nn.sigmoid(r_x + r_h), jax.nn.sigmoid(z_x + z_h)
    return ((1 - z) * jnp.tanh(n_x + r * (n_h + weights[3])) + z * carry[0],)
