"""What a stream of text has to remember: a few kilobytes, however long the text is."""

import base64
import binascii
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Int, UInt32

from textrnn.errors import InvalidText
from textrnn.tasks.generate.network import Past


class GenerationState(NamedTuple):
    """Arrays with an entry for each row of a batch, or those of one row."""

    past: Past
    last: Int[Array, " rows"]
    """The token that was read or written last, which no step has seen yet."""
    used: Bool[Array, "rows ids"]
    """The tokens that the text has."""
    seed: UInt32[Array, " rows"]
    """Of the random numbers of what is written."""
    drawn: Int[Array, " rows"]
    """How many tokens were written."""
    grammar: Int[Array, " rows"]
    """The state of the tokenizer's grammar."""


def stack(rows: list[GenerationState]) -> GenerationState:
    return jax.tree.map(lambda *leaves: np.stack(leaves), *rows)


def encode_state(state: GenerationState) -> str:
    """The memory of one row as base64."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
    return base64.b64encode(b"".join(leaf.tobytes() for leaf in leaves)).decode()


def decode_state(text: Any, like: GenerationState) -> GenerationState:
    """The memory that `to_text` wrote; `like` is one of the same model. Raises InvalidText."""
    leaves, structure = jax.tree.flatten(like)
    wanted = sum(leaf.nbytes for leaf in leaves)
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raw = b""
    if len(raw) != wanted:
        raise InvalidText(
            f"the state is not one of this model: expected {wanted} bytes in base64, found "
            f"{len(raw)}; give back a state as an answer of this model had it",
            "foreign_state",
        )
    found, start = [], 0
    for leaf in leaves:
        part = np.frombuffer(raw, leaf.dtype, leaf.size, start)
        found.append(part.reshape(leaf.shape))
        start += leaf.nbytes
    return jax.tree.unflatten(structure, found)
