"""The state of a generated text: a few kilobytes, however long the text is."""

import base64
import binascii
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Int, UInt32

from textrnn.errors import InvalidText, UserError
from textrnn.tasks.generate.network import GeneratorConfig, Past

LONGEST_STATE = 2**18
"""Characters of an encoded state that a server takes."""
LARGEST_PAST = 180 * 2**10
"""Bytes of the recurrent state, which leaves room for the rest of a state in base64."""


class GenerationState(NamedTuple):
    """Arrays with one entry per row of a batch, or those of one row."""

    past: Past
    last: Int[Array, " rows"]
    """The token that was read or written last: the input of the next step."""
    used: Bool[Array, "rows ids"]
    """Whether the text contains each token, for the repetition penalty."""
    seed: UInt32[Array, " rows"]
    """Seed of the sampling noise."""
    drawn: Int[Array, " rows"]
    """The number of tokens sampled so far."""
    grammar: Int[Array, " rows"]
    """The state of the tokenizer's grammar."""


def check_size(config: GeneratorConfig) -> None:
    """Raises UserError if a client could not send the state of a text back to a server."""
    past = jax.eval_shape(lambda: config.past(1))  # which may not fit into memory
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(past))
    if size > LARGEST_PAST:
        raise UserError(
            f"the recurrent state of this model has {size:,} bytes, and a client can send no more "
            f"than {LARGEST_PAST:,} back to a server; give it fewer units, layers or memory slots"
        )


def stack(rows: list[GenerationState]) -> GenerationState:
    return jax.tree.map(lambda *leaves: np.stack(leaves), *rows)


def encode_state(state: GenerationState) -> str:
    """The state of one row in base64."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
    return base64.b64encode(b"".join(leaf.tobytes() for leaf in leaves)).decode()


def decode_state(text: object, like: GenerationState) -> GenerationState:
    """The state that `encode_state` wrote. `like` is a state of the same model.

    Raises InvalidText for anything else.
    """
    leaves, structure = jax.tree.flatten(like)
    expected = sum(leaf.nbytes for leaf in leaves)
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != expected:
        raise InvalidText(
            f"the state is not one of this model: expected {expected} bytes in base64, found "
            f"{len(raw)}; send back the state of an answer of this model",
            "foreign_state",
        )
    arrays, start = [], 0
    for leaf in leaves:
        array = np.frombuffer(raw, leaf.dtype, leaf.size, start)
        arrays.append(array.reshape(leaf.shape))
        start += leaf.nbytes
    return jax.tree.unflatten(structure, arrays)
