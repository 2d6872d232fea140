"""What a search has to write: copies, phrases, and the beginning of the text.

    phrases     ▁der ▁Hund, ▁Katze
    hypothesis  ▁Gestern ▁lief ▁der          owes 2 tokens: ▁Hund and ▁Katze

A hypothesis owes the tokens of the phrases that it has not met, and the words that it has not
copied. It may take a token only if what it owes then fits into the length that is left, and end
only if it owes nothing. By induction, every hypothesis can pay what it owes, and every search ends.

So that phrases are not put off to the end, hypotheses compete within banks, by the number of tokens
of phrases that they have met, and the places of a row are divided equally among its banks: dynamic
beam allocation (Post and Vilar 2018), by sorting (Hu et al. 2019). Where a row has more tokens of
phrases than places, several numbers share a bank, but hypotheses that have met all of them have one
of their own.

A phrase is met when the token after it begins a new word, so that no other word contains it.

A phrase may translate a term of the source. Then attention to the term gives the probability that
the phrase is written now, and the rest belongs to the model, as in a pointer network (See et al.
2017). So a translation that the model would not choose takes the place of the one that it would.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from textrnn.layers.indexing import get_at
from textrnn.layers.masking import MASKED
from textrnn.text.tokenizer import EOS, PAD, UNK

CERTAIN = 0.98
"""Probability that a phrase that has begun goes on, and bound of the attention to terms."""
SHARPNESS = 2
"""Power of the attention, since the article before a noun attends to its term as well."""


class Constraints(NamedTuple):
    """What each row has to write, as array values that need no recompilation."""

    copies: Int[Array, " rows"]
    """The number of UNK."""
    phrases: Int[Array, "rows phrases tokens"]
    """Each filled up with PAD; one that is nothing but PAD does not exist."""
    forced: Int[Array, "rows steps"]
    """The token at each step, or PAD where it is free."""
    continues_word: Bool[Array, " ids"]
    """Whether a token continues the word before it."""

    @property
    def lengths(self) -> Int[Array, "rows phrases"]:
        return (self.phrases != PAD).sum(axis=-1)

    @property
    def total(self) -> Int[Array, " rows"]:
        """Tokens of all phrases of a row."""
        return (self.phrases != PAD).sum(axis=(1, 2))


class Progress(NamedTuple):
    """What each hypothesis has written of it."""

    copies: Int[Array, "rows beam"]
    """The number of UNK that are left."""
    met: Bool[Array, "rows beam phrases"]
    phrase: Int[Array, "rows beam"]
    """The phrase that its last tokens belong to."""
    matched: Int[Array, "rows beam"]
    """How many tokens of that phrase they are; 0 if there is none. A phrase that is complete is met
    by the next token."""
    owed: Int[Array, "rows beam"]
    """How many tokens it still has to write before it may end."""


class Candidates(NamedTuple):
    """Possible next tokens of each hypothesis."""

    ids: Int[Array, "rows beam candidates"]
    phrase: Int[Array, "rows beam candidates"]
    """The phrase that the token is taken for, or -1."""
    log_probability: Float[Array, "rows beam candidates"]
    """Of the hypothesis with the token; MASKED if it may not take it."""


class Chosen(NamedTuple):
    """The hypotheses that may continue, at most one for each place of a row."""

    log_probability: Float[Array, "rows beam"]
    """MASKED for a place that is empty. Empty places come last."""
    parent: Int[Array, "rows beam"]
    token: Int[Array, "rows beam"]
    phrase: Int[Array, "rows beam"]
    rivals: Float[Array, "rows beam"]
    """The best continuations of hypotheses that owe no phrase, which an end competes with."""


def nothing_written(constraints: Constraints, width: int) -> Progress:
    rows, phrases, _ = constraints.phrases.shape
    zeros = jnp.zeros((rows, width), jnp.int32)
    copies, owed = (
        jnp.broadcast_to(values[:, None], zeros.shape)
        for values in (constraints.copies, constraints.copies + constraints.total)
    )
    return Progress(copies, jnp.zeros((rows, width, phrases), bool), zeros, zeros, owed)


def are_constrained(constraints: Constraints) -> Bool[Array, ""]:
    """Whether any row has phrases or forced tokens."""
    return (constraints.phrases > PAD).any() | (constraints.forced > PAD).any()


def required_tokens(
    constraints: Constraints,
    progress: Progress,
    t: Int[Array, ""],
    must_copy: Bool[Array, "rows beam"],
) -> tuple[Int[Array, "rows beam required"], Int[Array, "rows beam required"]]:
    """The tokens that a hypothesis owes, PAD where there are fewer, and the phrase of each, or -1:
    the next token of each phrase, and one that is forced, or UNK where a word must be copied."""
    rows, beam, phrases = progress.met.shape
    numbers = jnp.arange(phrases)
    matched, _, possible = _phrases_left(constraints, progress)
    at = jnp.minimum(matched, constraints.phrases.shape[-1] - 1)[..., None]
    following = jnp.take_along_axis(constraints.phrases[:, None], at, axis=-1)[..., 0]
    forced = lax.dynamic_index_in_dim(constraints.forced, t, 1)
    other = jnp.where(forced > PAD, forced, jnp.where(must_copy, UNK, PAD))
    other = jnp.where(other == EOS, PAD, other)  # what else there is would be too much
    return (
        jnp.concatenate([jnp.where(possible, following, PAD), other[..., None]], axis=-1),
        jnp.broadcast_to(jnp.append(numbers, -1), (rows, beam, phrases + 1)),
    )


def pointers(
    constraints: Constraints, progress: Progress, attention: Float[Array, "rows beam phrases"]
) -> Float[Array, "rows beam phrases"]:
    """The probability that the next token is taken for each phrase, from the attention to its
    term."""
    matched, unmet, possible = _phrases_left(constraints, progress)
    # It makes no difference which of equal phrases stands for which term.
    of_unmet = jnp.where(unmet, attention, 0)[:, :, None]
    of_equal = jnp.where(_are_equal(constraints)[:, None], of_unmet, 0).sum(axis=-1)
    of_equal = of_equal**SHARPNESS
    begun = unmet & (matched > 0)
    is_inside = begun.any(axis=-1, keepdims=True)
    return CERTAIN * jnp.where(is_inside, begun, jnp.where(possible, of_equal, 0))


def restrict(
    constraints: Constraints,
    progress: Progress,
    free: Candidates,
    required: Candidates,
    t: Int[Array, ""],
    left: Int[Array, "rows 1"],
) -> Candidates:
    """All candidates, those excluded that would leave too little length for what is owed, that are
    not forced where a token is, or that are required as well."""
    exists = required.ids != PAD
    twice = (free.ids[..., None] == jnp.where(exists, required.ids, -1)[:, :, None]).any(axis=-1)
    forced = lax.dynamic_index_in_dim(constraints.forced, t, 1)[..., None] > PAD
    both = Candidates(
        *(jnp.concatenate([a, b], axis=-1) for a, b in zip(free, required, strict=True))
    )
    is_other = jnp.arange(both.ids.shape[-1]) == both.ids.shape[-1] - 1
    allowed = jnp.concatenate([~twice, exists], axis=-1) & (~forced | is_other)
    owed = _copies_left(progress.copies[..., None], both.ids)
    owed += _unmet(constraints, progress)[..., None] - _credit(constraints, progress, both)
    allowed &= owed < left[..., None]
    return both._replace(log_probability=jnp.where(allowed, both.log_probability, MASKED))


def choose(constraints: Constraints, progress: Progress, candidates: Candidates) -> Chosen:
    """The best candidates of each bank of a row."""
    rows, beam, each = candidates.ids.shape
    total = constraints.total[:, None, None]
    unmet = _unmet(constraints, progress)[..., None]
    met = total - unmet + _credit(constraints, progress, candidates)
    banks = jnp.minimum(total, beam - 1)
    bank = -(-met * banks // jnp.maximum(total, 1))
    bank, log_probability = (a.reshape(rows, -1) for a in (bank, candidates.log_probability))
    best = _allot(bank, log_probability, beam)

    def of_best(values: Array) -> Array:
        return jnp.take_along_axis(values.reshape(rows, -1), best, axis=1)

    full = jnp.where(met.reshape(rows, -1) == total[..., 0], log_probability, MASKED)
    return Chosen(
        of_best(log_probability),
        best // each,
        of_best(candidates.ids),
        of_best(candidates.phrase),
        lax.top_k(full, beam)[0],
    )


def copy(progress: Progress, chosen: Chosen) -> Progress:
    """The progress of hypotheses that were chosen, where no row has phrases."""
    rows, beam = chosen.parent.shape
    parent = jnp.arange(rows)[:, None] * beam + chosen.parent
    copies = _copies_left(get_at(progress.copies.reshape(-1), parent), chosen.token)
    return progress._replace(copies=copies, owed=copies)


def write(constraints: Constraints, progress: Progress, chosen: Chosen) -> Progress:
    """The progress of hypotheses that were chosen, from that of their parents."""
    row = jnp.arange(len(chosen.token))[:, None]
    before = Progress(*(values[row, chosen.parent] for values in progress))
    met = before.met | (
        _is_completed(constraints, before, chosen.token[..., None])
        & (jnp.arange(before.met.shape[-1]) == before.phrase[..., None])
    )
    goes_on = (before.matched > 0) & (chosen.phrase == before.phrase)
    after = Progress(
        _copies_left(before.copies, chosen.token),
        met,
        jnp.where(chosen.phrase >= 0, chosen.phrase, 0),
        jnp.where(chosen.phrase >= 0, jnp.where(goes_on, before.matched, 0) + 1, 0),
        before.owed,
    )
    return after._replace(owed=after.copies + _unmet(constraints, after) - after.matched)


def _phrases_left(
    constraints: Constraints, progress: Progress
) -> tuple[
    Int[Array, "rows beam phrases"],
    Bool[Array, "rows beam phrases"],
    Bool[Array, "rows beam phrases"],
]:
    """For each phrase: how many of its tokens are the last ones of a hypothesis, whether some of
    its tokens are left, and whether one may come next."""
    numbers = jnp.arange(progress.met.shape[-1])
    is_current = numbers == progress.phrase[..., None]
    matched = jnp.where(is_current, progress.matched[..., None], 0)
    unmet = ~progress.met & (matched < constraints.lengths[:, None])
    # Of equal phrases that are unmet, only the first can begin.
    earlier = _are_equal(constraints) & (numbers[:, None] > numbers)
    waits = (earlier[:, None] & unmet[:, :, None]).any(axis=-1)
    return matched, unmet, unmet & ~waits


def _are_equal(constraints: Constraints) -> Bool[Array, "rows phrases phrases"]:
    return (constraints.phrases[:, :, None] == constraints.phrases[:, None]).all(axis=-1)


def _copies_left(copies: Int[Array, "..."], token: Int[Array, "..."]) -> Int[Array, "..."]:
    return jnp.maximum(copies - (token == UNK), 0)


def _unmet(constraints: Constraints, progress: Progress) -> Int[Array, "rows beam"]:
    """Tokens of the phrases that are not met, the one that a hypothesis is in included."""
    return jnp.where(progress.met, 0, constraints.lengths[:, None]).sum(axis=-1)


def _credit(
    constraints: Constraints, progress: Progress, candidates: Candidates
) -> Int[Array, "rows beam candidates"]:
    """How many of the unmet tokens a hypothesis has written after it takes a candidate."""
    matched = progress.matched[..., None]
    completed = jnp.where(_is_completed(constraints, progress, candidates.ids), matched, 0)
    begins = completed + (candidates.phrase >= 0)
    goes_on = (matched > 0) & (candidates.phrase == progress.phrase[..., None])
    return jnp.where(goes_on, matched + 1, begins)


def _is_completed(
    constraints: Constraints, progress: Progress, ids: Int[Array, "rows beam candidates"]
) -> Bool[Array, "rows beam candidates"]:
    """Whether a hypothesis has written a phrase to its end, and the token after it leaves it so."""
    length = jnp.take_along_axis(constraints.lengths, progress.phrase, axis=1)
    complete = (progress.matched > 0) & (progress.matched == length)
    return complete[..., None] & ~constraints.continues_word[ids]


def _allot(
    bank: Int[Array, "rows candidates"],
    log_probability: Float[Array, "rows candidates"],
    count: int,
) -> Int[Array, "rows count"]:
    """The indices of `count` candidates: the best of each bank, then the second best, and so on."""
    candidates = jnp.broadcast_to(jnp.arange(bank.shape[1]), bank.shape)
    banks, cost, index = lax.sort((bank, -log_probability, candidates), num_keys=2)
    starts = jnp.concatenate([jnp.ones((len(bank), 1), bool), banks[:, 1:] != banks[:, :-1]], 1)
    rank = candidates - lax.cummax(jnp.where(starts, candidates, 0), axis=1)
    rank = jnp.where(cost >= -MASKED, bank.shape[1], rank)
    return lax.sort((rank, cost, index), num_keys=2)[2][:, :count]
