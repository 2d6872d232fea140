"""LSTM layers through cuDNN, on NVIDIA GPUs: float32, on padded rows."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax.experimental import rnn
from jaxtyping import Array, Float

from textrnn.layers.axes import Lengths
from textrnn.layers.cells.one_product import Carries, OneProductCell
from textrnn.layers.ragged import from_grid, to_grid


def has_cudnn_layer(
    cells: Sequence[OneProductCell], reverse: tuple[bool, ...], x: Sequence[Array]
) -> bool:
    """Whether cuDNN has this layer: an LSTM that reads forward, or one in both directions that read
    the same input."""
    if any(cell.native != "lstm" for cell in cells):
        return False
    return reverse == (False,) or (reverse == (False, True) and x[0] is x[1])


def cudnn_unroll(
    cells: Sequence[OneProductCell],
    x: Float[Array, "tokens inputs"],
    carries: Sequence[Carries],
    lengths: Lengths,
    longest: int,
) -> tuple[Float[Array, "tokens outputs"], tuple[Carries, ...]]:
    """The outputs and the last carry of each direction. `longest` is a static upper bound of the
    lengths."""
    tokens, hidden = len(x), cells[0].hidden
    # cuDNN fails on rows of length zero.
    results: Any = rnn.lstm(
        to_grid(x.astype(jnp.float32), lengths, longest),
        jnp.stack([h for _, h in carries]),
        jnp.stack([c for c, _ in carries]),
        flat_weights(cells),
        jnp.maximum(lengths, 1),
        input_size=x.shape[1],
        hidden_size=hidden,
        num_layers=1,
        dropout=0.0,
        bidirectional=len(cells) == 2,
    )
    outputs, h, c = results
    runs = (lengths > 0)[:, None]
    last = tuple(
        (jnp.where(runs, c[index], carry[0]), jnp.where(runs, h[index], carry[1]))
        for index, carry in enumerate(carries)
    )
    return from_grid(outputs, lengths, tokens), last


def flat_weights(cells: Sequence[OneProductCell]) -> Float[Array, " weights"]:
    """The weights in the order of cuDNN: the kernels of all directions, then their biases. cuDNN
    has a second bias, which is zero here. Its gates have the same order."""
    kernels = [k.T for cell in cells for k in (cell.input_weights(), cell.kernel())]
    biases = [b for cell in cells for b in (cell.bias[...], jnp.zeros_like(cell.bias[...]))]
    return jnp.concatenate([each.astype(jnp.float32).reshape(-1) for each in kernels + biases])
