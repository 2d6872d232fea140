"""Beam search over any step, in one compiled loop.

    a beam of 2, third step:    the house </s>     finished
                                the home  .        continues
                                the house .        continues

At each step, all continuations of a row's hypotheses are ranked. Those among the first `beam` that
end are finished, and the first `beam` of the others continue. A row is done when `beam` hypotheses
are finished, and the loop ends when all rows are done. A beam of 1 is greedy search. Finished
hypotheses are ranked by log-probability divided by a power of their length (Wu et al. 2016, section
7, without the constant).

The hypotheses that continue are a ragged batch: those of all rows lie one after another, so that a
step works for no others. The slot of a hypothesis is its position among those of its row.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Shaped

from textrnn.layers.indexing import get_at, set_at
from textrnn.layers.masking import MASKED
from textrnn.layers.ragged import from_grid, row_ids, row_starts, spread
from textrnn.tasks.translate.next_tokens import (
    FactoredLogits,
    NextTokens,
    best_tokens,
    next_tokens,
)
from textrnn.text.tokenizer import BOS, PAD

SearchStep = Callable[
    [Any, Int[Array, " hypotheses"], Int[Array, " rows"]], tuple[Any, FactoredLogits, Any]
]
"""From the carry and the last token of each hypothesis, and the number of hypotheses of each row,
to the new carry, the logits of the next token, and a trace: arrays of [..., beam, ...] whose second
axis is that of slots."""


class BeamParameters(NamedTuple):
    """The search parameters of each row, as array values that need no recompilation."""

    beam: Int[Array, " rows"]
    """Beam size, at most the compiled width; 0 for a row that is not to be searched."""
    length_penalty: Float[Array, " rows"]
    """Exponent of the length that log-probabilities are divided by; 0 disables it."""
    min_length: Int[Array, " rows"]
    """Minimum number of tokens before EOS."""
    max_length: Int[Array, " rows"]
    """Maximum number of tokens before EOS, at most the compiled length."""
    no_repeat_ngram: Int[Array, " rows"]
    """Size of the n-grams that must not occur twice; 0 disables it."""
    repetition_penalty: Float[Array, " rows"]
    """Divides positive logits of tokens already used, and multiplies negative ones (Keskar et al.
    2019, section 4.1); 1 disables it."""


class SearchResult(NamedTuple):
    """The finished hypotheses of each row, the best one first."""

    tokens: Int[Array, "rows beam max_length"]
    """Without EOS, filled up with PAD."""
    lengths: Int[Array, "rows beam"]
    log_probabilities: Float[Array, "rows beam"]
    """Including EOS; MASKED where a row has fewer hypotheses. They are the model's own, unless a
    repetition penalty changes its distribution."""
    slots: Int[Array, "rows beam steps"]
    """The slot at each step, up to the step that chose EOS."""


class _Finished(NamedTuple):
    """Finished hypotheses, [rows, beam], the best one first."""

    score: Array
    """Log-probability with the length penalty applied."""
    log_probability: Array
    length: Array
    slot: Array
    """Its slot at its last step."""


class _Beam(NamedTuple):
    """The loop state. An empty slot has the log-probability MASKED."""

    t: Array
    counts: Int[Array, " rows"]
    """Hypotheses that continue; 0 for a row that is done."""
    carry: Any
    last: Int[Array, " hypotheses"]
    """The last token."""
    log_probability: Float[Array, "rows beam"]
    chosen: Int[Array, "steps rows beam"]
    """For each step, the token that each hypothesis of the next step begins with."""
    parents: Int[Array, "steps rows beam"]
    """For each step, the slot that each hypothesis of the next step continues."""
    past: "_Past"
    trace: Any
    finished: _Finished


class _Past(NamedTuple):
    """What the penalties need of the tokens of each hypothesis."""

    tokens: Int[Array, "rows beam max_length"]
    repeat_length: Int[Array, "rows beam max_length"]
    """For each position, how many tokens before it equal the most recent tokens."""


def search(
    step: SearchStep, carry: Any, parameters: BeamParameters, width: int, max_length: int
) -> tuple[SearchResult, Any]:
    """The best hypotheses of each row, and the traces: arrays of [..., steps, beam, ...].

    `carry` has arrays of [rows, ...], from which all hypotheses of a row start. `width` and
    `max_length` are static upper bounds on the beam size and the number of tokens.
    """
    beam = lax.while_loop(
        lambda beam: beam.counts.any(),
        lambda beam: _advance(beam, step, parameters),
        _initial(step, carry, parameters, width, max_length),
    )
    tokens, slots = _trace_back(beam)
    finished = beam.finished
    return SearchResult(tokens, finished.length, finished.log_probability, slots), beam.trace


def _initial(
    step: SearchStep, carry: Any, parameters: BeamParameters, width: int, max_length: int
) -> _Beam:
    rows = len(parameters.beam)
    counts = (parameters.beam > 0).astype(jnp.int32)
    first = jnp.minimum(row_ids(counts, rows * width), rows - 1)
    carry = jax.tree.map(lambda a: get_at(a, first), carry)
    last = jnp.full(rows * width, BOS)
    _, _, trace = jax.eval_shape(step, carry, last, counts)
    masked = jnp.full((rows, width), MASKED)
    zeros = jnp.zeros((rows, width), jnp.int32)
    steps = max_length + 1
    tokens = jnp.full((rows, width, max_length), PAD)
    return _Beam(
        t=jnp.zeros((), jnp.int32),
        counts=counts,
        carry=carry,
        last=last,
        log_probability=masked.at[:, 0].set(0.0),
        chosen=jnp.full((steps, rows, width), PAD),
        parents=jnp.zeros((steps, rows, width), jnp.int32),
        past=_Past(tokens, jnp.zeros_like(tokens)),
        trace=jax.tree.map(lambda a: jnp.zeros((a.shape[0], steps, *a.shape[1:]), a.dtype), trace),
        finished=_Finished(masked, masked, zeros, zeros),
    )


def _advance(beam: _Beam, step: SearchStep, parameters: BeamParameters) -> _Beam:
    (rows, width), t = beam.log_probability.shape, beam.t
    slots = jnp.arange(width)
    carry, logits, trace = step(beam.carry, beam.last, beam.counts)
    places = row_starts(beam.counts)[:, None] + slots
    following = _next_tokens(logits, beam, parameters)
    end, continuing, ids = (get_at(a, places) for a in following)
    exists = slots < beam.counts[:, None]
    may_end = exists & (t >= parameters.min_length[:, None])
    may_continue = exists & (t < parameters.max_length[:, None])
    ends = _extend(beam.log_probability, end, may_end)
    candidates = _extend(beam.log_probability[..., None], continuing, may_continue[..., None])

    alive, best = lax.top_k(candidates.reshape(rows, -1), width)
    ahead = _count_above(alive, ends) + _count_above(ends, ends)
    new = _Finished(
        score=ends / (t + 1.0) ** parameters.length_penalty[:, None],
        log_probability=ends,
        length=jnp.full((rows, width), t),
        slot=jnp.broadcast_to(slots, (rows, width)),
    )
    finished = _best(beam.finished, new, (ends > MASKED) & (ahead < parameters.beam[:, None]))

    continues = (alive > MASKED) & (slots < parameters.beam[:, None])
    done = (finished.log_probability > MASKED).sum(axis=-1) >= parameters.beam
    counts = jnp.where(done, 0, continues.sum(axis=-1))
    parent, token = best // ids.shape[-1], _of_row(ids.reshape(rows, -1), best)
    hypothesis, last = _ragged(places[:, :1] + parent, counts), _ragged(token, counts)
    return _Beam(
        t=t + 1,
        counts=counts,
        carry=jax.tree.map(lambda a: get_at(a, hypothesis), carry),
        last=last,
        log_probability=jnp.where(continues, alive, MASKED),
        chosen=set_at(beam.chosen, t, token),
        parents=set_at(beam.parents, t, parent),
        past=lax.cond(
            _uses_past(parameters),
            lambda: _extend_past(beam.past, parent, token, t),
            lambda: beam.past,
        ),
        trace=jax.tree.map(
            lambda kept, new: lax.dynamic_update_index_in_dim(kept, new, t, 1), beam.trace, trace
        ),
        finished=finished,
    )


def _extend(log_probability: Array, following: Array, possible: Array) -> Array:
    """Log-probabilities of the extended hypotheses; MASKED if impossible or excluded."""
    return jnp.where(possible, jnp.maximum(log_probability + following, MASKED), MASKED)


def _count_above(values: Array, thresholds: Array) -> Array:
    """For each threshold of a row, how many values of the row are larger."""
    return (values[:, None, :] > thresholds[:, :, None]).sum(axis=-1)


def _uses_past(parameters: BeamParameters) -> Bool[Array, ""]:
    """Whether any row has a penalty that depends on the tokens so far."""
    return ((parameters.no_repeat_ngram > 0) | (parameters.repetition_penalty != 1)).any()


def _extend_past(past: _Past, parent: Array, token: Array, t: Array) -> _Past:
    row, position = jnp.arange(len(parent))[:, None], jnp.arange(past.tokens.shape[-1])
    tokens = past.tokens[row, parent]
    repeats = (tokens == token[..., None]) & (position < t)
    repeat_length = jnp.where(repeats, past.repeat_length[row, parent] + 1, 0)
    return _Past(
        jnp.where(position == t, token[..., None], tokens),
        jnp.pad(repeat_length, ((0, 0), (0, 0), (1, 0)))[:, :, :-1],
    )


def _next_tokens(logits: FactoredLogits, beam: _Beam, parameters: BeamParameters) -> NextTokens:
    """The best next tokens of each hypothesis under the penalties."""
    width = beam.log_probability.shape[1]
    return lax.cond(
        _uses_past(parameters),
        lambda: best_tokens(_penalized(logits.values(), beam, parameters), width),
        lambda: next_tokens(logits, beam.counts, width),
    )


def _penalized(logits: Array, beam: _Beam, parameters: BeamParameters) -> Array:
    """Log-probabilities under the repetition penalty and without repeated n-grams."""
    hypotheses, max_length = len(logits), beam.past.tokens.shape[-1]
    is_past = jnp.arange(max_length) < beam.t

    def by_hypothesis(values: Array) -> Array:
        return from_grid(values, beam.counts, hypotheses)

    def of_row(values: Array) -> Array:
        return spread(values, beam.counts, hypotheses)[:, None]

    tokens, repeat_length = map(by_hypothesis, beam.past)

    def idsget_at(positions: Array) -> Array:
        """A mask over ids: those at any of these past positions."""
        mask = jnp.zeros(logits.shape, bool)
        return mask.at[jnp.arange(hypotheses)[:, None], tokens].max(is_past & positions)

    penalty = of_row(parameters.repetition_penalty)
    penalized = jnp.where(logits > 0, logits / penalty, logits * penalty)
    logits = jnp.where(idsget_at(jnp.ones_like(tokens, bool)), penalized, logits)
    size = of_row(parameters.no_repeat_ngram)
    repeated = idsget_at((size > 0) & (repeat_length >= size - 1))
    return jnp.where(repeated, MASKED, jax.nn.log_softmax(logits))


def _best(old: _Finished, new: _Finished, ended: Bool[Array, "rows beam"]) -> _Finished:
    """The hypotheses with the highest scores among both."""
    new = new._replace(
        score=jnp.where(ended, new.score, MASKED),
        log_probability=jnp.where(ended, new.log_probability, MASKED),
    )
    width = old.score.shape[1]
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), old, new)
    _, best = lax.top_k(both.score, width)
    return jax.tree.map(lambda a: _of_row(a, best), both)


def _trace_back(beam: _Beam) -> tuple[Array, Array]:
    """The tokens and slots of each finished hypothesis, followed back from its last step."""
    finished, steps = beam.finished, len(beam.parents)

    def step_back(i: Array, results: tuple[Array, Array]) -> tuple[Array, Array]:
        """From the slots after step t to the tokens that were chosen there, and the slots at it."""
        t = beam.t - 1 - i
        tokens, slots = results
        after = lax.dynamic_index_in_dim(slots, t + 1, 0, keepdims=False)  # clamped
        chosen, parents = (
            _of_row(lax.dynamic_index_in_dim(each, t, 0, keepdims=False), after)
            for each in (beam.chosen, beam.parents)
        )
        token = jnp.where(t < finished.length, chosen, PAD)
        slot = jnp.where(t < finished.length, parents, finished.slot)
        return set_at(tokens, t, token), set_at(slots, t, slot)

    tokens = jnp.full((steps, *finished.slot.shape), PAD)
    slots = jnp.zeros_like(tokens)
    tokens, slots = (
        jnp.moveaxis(each, 0, -1) for each in lax.fori_loop(0, beam.t, step_back, (tokens, slots))
    )
    return tokens[..., :-1], slots


def _of_row(values: Shaped[Array, "rows entries"], index: Int[Array, "rows beam"]) -> Array:
    """Entries of each row, which exist."""
    rows, entries = values.shape
    return get_at(values.reshape(-1), jnp.arange(rows)[:, None] * entries + index)


def _ragged(values: Shaped[Array, "rows beam"], counts: Int[Array, " rows"]) -> Array:
    """The first `counts` values of each row, one after another; then meaningless ones that exist in
    `values`."""
    rows, width = values.shape
    row = jnp.minimum(row_ids(counts, values.size), rows - 1)
    place = jnp.arange(values.size) + get_at(jnp.arange(rows) * width - row_starts(counts), row)
    return get_at(values.reshape(-1), jnp.minimum(place, values.size - 1))
