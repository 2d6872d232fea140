"""What keeps the hypotheses of a search from repeating themselves.

Loops, as in "S-S-S-S", are the usual failure on input unlike all training text. No sequence of four
tokens may occur again within the next eight, and no token four times in a row, unless the source
does so at the same distance:

    S - S - S -         the last four tokens, S - S -, are those two before

Options: no n-gram twice (Paulus et al. 2018), and a penalty for tokens that were used before.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from textrnn.layers.indexing import get_at
from textrnn.layers.masking import MASKED
from textrnn.layers.ragged import from_grid, spread
from textrnn.text.tokenizer import PAD, UNK

DISTANCE = 8
"""How many tokens apart a sequence and its repetition are at most."""
_ALLOWED = np.array([2] + [3] * (DISTANCE - 1))
"""For each distance from 1, how many tokens in a row may equal those so many before."""


def longest_repetitions(ids: Int[np.ndarray, " tokens"]) -> Int[np.ndarray, " distance"]:
    """For each distance from 1, how many tokens in a row of a source equal those so many before.
    UNK is equal to nothing, as each stands for a word of its own.

    >>> longest_repetitions(np.array([7, 5, 6, 5, 6, 5, 6, 9])).tolist()
    [0, 4, 0, 2, 0, 0, 0, 0]
    """
    longest = np.zeros(DISTANCE, np.int32)
    if len(set(ids.tolist())) == len(ids):  # as of most sentences
        return longest
    for distance in range(1, min(DISTANCE, len(ids) - 1) + 1):
        equal = (ids[distance:] == ids[:-distance]) & (ids[distance:] != UNK)
        if equal.any():
            ends = np.flatnonzero(np.append(~equal, True))
            longest[distance - 1] = np.diff(ends, prepend=-1).max() - 1
    return longest


class Recent(NamedTuple):
    """The last tokens of each hypothesis."""

    tokens: Int[Array, "rows beam distance"]
    """The most recent one first."""
    repeated: Int[Array, "rows beam distance"]
    """For each distance from 1, how many of them in a row equal those so many before."""


def nothing_recent(rows: int, width: int) -> Recent:
    zeros = jnp.zeros((rows, width, DISTANCE), jnp.int32)
    return Recent(zeros + PAD, zeros)


def continues_loop(
    recent: Recent,
    ids: Int[Array, "rows beam candidates"],
    repetitions: Int[Array, "rows distance"],
) -> Bool[Array, "rows beam candidates"]:
    """Whether with a token, a hypothesis repeats itself for longer than any may, and than its
    source, whose longest repetitions are given."""
    allowed = jnp.maximum(_ALLOWED, repetitions)[:, None]
    looping = jnp.where(recent.repeated >= allowed, recent.tokens, PAD)
    equal = (ids[..., None] == looping[:, :, None]).any(axis=-1)
    return equal & (ids != PAD) & (ids != UNK)


def extend_recent(
    recent: Recent, parent: Int[Array, "rows beam"], token: Int[Array, "rows beam"]
) -> Recent:
    rows, beam = parent.shape
    parent = jnp.arange(rows)[:, None] * beam + parent
    tokens, repeated = (get_at(values.reshape(-1, DISTANCE), parent) for values in recent)
    equal = (tokens == token[..., None]) & (token != UNK)[..., None]
    return Recent(
        jnp.concatenate([token[..., None], tokens[..., :-1]], axis=-1),
        jnp.where(equal, repeated + 1, 0),
    )


class Penalties(NamedTuple):
    """Those of each row."""

    no_repeat_ngram: Int[Array, " rows"]
    """Size of the n-grams that must not occur twice; 0 disables it."""
    repetition_penalty: Float[Array, " rows"]
    """Divides positive logits of tokens already used, and multiplies negative ones (Keskar et al.
    2019, section 4.1); 1 disables it."""

    def any(self) -> Bool[Array, ""]:
        return ((self.no_repeat_ngram > 0) | (self.repetition_penalty != 1)).any()


class PastTokens(NamedTuple):
    """What the penalties need of the tokens of each hypothesis."""

    tokens: Int[Array, "rows beam max_length"]
    repeat_length: Int[Array, "rows beam max_length"]
    """For each position, how many tokens before it equal the most recent tokens."""


def no_past(rows: int, width: int, max_length: int) -> PastTokens:
    tokens = jnp.full((rows, width, max_length), PAD)
    return PastTokens(tokens, jnp.zeros_like(tokens))


def extend_past(
    past: PastTokens,
    parent: Int[Array, "rows beam"],
    token: Int[Array, "rows beam"],
    t: Int[Array, ""],
) -> PastTokens:
    row, position = jnp.arange(len(parent))[:, None], jnp.arange(past.tokens.shape[-1])
    tokens = past.tokens[row, parent]
    repeats = (tokens == token[..., None]) & (position < t)
    repeat_length = jnp.where(repeats, past.repeat_length[row, parent] + 1, 0)
    return PastTokens(
        jnp.where(position == t, token[..., None], tokens),
        jnp.pad(repeat_length, ((0, 0), (0, 0), (1, 0)))[:, :, :-1],
    )


def penalized(
    logits: Float[Array, "hypotheses ids"],
    past: PastTokens,
    t: Int[Array, ""],
    counts: Int[Array, " rows"],
    penalties: Penalties,
) -> Float[Array, "hypotheses ids"]:
    """Log-probabilities of the token at step t, under the repetition penalty and without repeated
    n-grams. Hypotheses are a ragged batch with `counts` of each row."""
    hypotheses, max_length = len(logits), past.tokens.shape[-1]
    is_past = jnp.arange(max_length) < t
    tokens, repeat_length = (from_grid(values, counts, hypotheses) for values in past)

    def of_row(values: Array) -> Array:
        return spread(values, counts, hypotheses)[:, None]

    def ids_at(positions: Array) -> Array:
        """A mask over ids: those at any of these past positions."""
        mask = jnp.zeros(logits.shape, bool)
        return mask.at[jnp.arange(hypotheses)[:, None], tokens].max(is_past & positions)

    penalty = of_row(penalties.repetition_penalty)
    scaled = jnp.where(logits > 0, logits / penalty, logits * penalty)
    logits = jnp.where(ids_at(jnp.ones_like(tokens, bool)), scaled, logits)
    size = of_row(penalties.no_repeat_ngram)
    repeated = ids_at((size > 0) & (repeat_length >= size - 1))
    return jnp.where(repeated, MASKED, jax.nn.log_softmax(logits))
