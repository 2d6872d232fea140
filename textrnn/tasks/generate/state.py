"""The state of a generated text: a few kilobytes, however long the text is."""

import base64
import binascii
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Int, UInt32

from textrnn.errors import InvalidText
from textrnn.tasks.generate.network import Past


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
