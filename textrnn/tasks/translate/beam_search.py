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
from textrnn.layers.ragged import from_grid, row_ids, row_starts
from textrnn.tasks.translate.constraints import (
    Candidates,
    Chosen,
    Constraints,
    Progress,
    are_constrained,
    choose,
    copy,
    nothing_written,
    pointers,
    required_tokens,
    restrict,
    write,
)
from textrnn.tasks.translate.next_tokens import (
    FactoredLogits,
    NextTokens,
    best_tokens,
    log_probabilities_of,
    next_tokens,
)
from textrnn.tasks.translate.repetition import (
    PastTokens,
    Penalties,
    Recent,
    continues_loop,
    extend_past,
    extend_recent,
    no_past,
    nothing_recent,
    penalized,
)
from textrnn.text.tokenizer import BOS, PAD

SearchStep = Callable[
    [Any, Int[Array, " hypotheses"], Int[Array, " rows"], Int[Array, " hypotheses"]],
    tuple[Any, FactoredLogits, Any],
]
"""From the carry and the last token of each hypothesis, the number of hypotheses of each row, and
the number of words that each hypothesis has not copied, to the new carry, the logits of the next
token, and a trace: arrays of [..., beam, ...] whose second axis is that of slots."""


TermAttention = Callable[[Any], Float[Array, "rows beam phrases"]]
"""From the trace of a step to the attention to the terms that phrases translate."""


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
    repetitions: Int[Array, "rows distance"]
    """For each distance from 1, how many tokens in a row a hypothesis may repeat, at least."""
    folded: Int[Array, " ids"]
    """For each id one that stands for all that differ from it in case alone: "x X x X" repeats."""
    penalties: Penalties
    constraints: Constraints


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
    totals: Float[Array, "rows beam max_length"]
    """The log-probability of each hypothesis up to each of its tokens, without EOS."""


class _Search(NamedTuple):
    """What all steps of a search share."""

    step: SearchStep
    parameters: BeamParameters
    attention_to_terms: TermAttention | None
    has_phrases: Bool[Array, " rows"]
    is_constrained: Bool[Array, ""]
    is_penalized: Bool[Array, ""]


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
    copies: Int[Array, " hypotheses"]
    """The number of words that are left to copy."""
    log_probability: Float[Array, "rows beam"]
    chosen: Int[Array, "steps rows beam"]
    """For each step, the token that each hypothesis of the next step begins with."""
    parents: Int[Array, "steps rows beam"]
    """For each step, the slot that each hypothesis of the next step continues."""
    log_probabilities: Float[Array, "steps rows beam"]
    """For each step, the log-probability of each hypothesis of the next step."""
    progress: Progress
    recent: Recent
    past: PastTokens
    trace: Any
    finished: _Finished


def search(
    step: SearchStep,
    carry: Any,
    parameters: BeamParameters,
    width: int,
    max_length: int,
    attention_to_terms: TermAttention | None = None,
) -> tuple[SearchResult, Any]:
    """The best hypotheses of each row, and the traces: arrays of [..., steps, beam, ...].

    `carry` has arrays of [rows, ...], from which all hypotheses of a row start. `width` and
    `max_length` are static upper bounds on the beam size and the number of tokens.
    """
    # What does not change is computed before the loop.
    of_search = _Search(
        step,
        parameters,
        attention_to_terms,
        has_phrases=parameters.constraints.total > 0,
        is_constrained=are_constrained(parameters.constraints),
        is_penalized=parameters.penalties.any(),
    )
    beam = lax.while_loop(
        lambda beam: beam.counts.any(),
        lambda beam: _advance(beam, of_search),
        _initial(step, carry, parameters, width, max_length),
    )
    tokens, slots, totals = _trace_back(beam)
    finished = beam.finished
    result = SearchResult(tokens, finished.length, finished.log_probability, slots, totals)
    return result, beam.trace


def _initial(
    step: SearchStep, carry: Any, parameters: BeamParameters, width: int, max_length: int
) -> _Beam:
    rows = len(parameters.beam)
    counts = (parameters.beam > 0).astype(jnp.int32)
    first = jnp.minimum(row_ids(counts, rows * width), rows - 1)
    carry = jax.tree.map(lambda a: get_at(a, first), carry)
    last = jnp.full(rows * width, BOS)
    _, _, trace = jax.eval_shape(step, carry, last, counts, last)
    masked = jnp.full((rows, width), MASKED)
    zeros = jnp.zeros((rows, width), jnp.int32)
    steps = max_length + 1
    return _Beam(
        t=jnp.zeros((), jnp.int32),
        counts=counts,
        carry=carry,
        last=last,
        copies=get_at(parameters.constraints.copies, first),
        log_probability=masked.at[:, 0].set(0.0),
        chosen=jnp.full((steps, rows, width), PAD),
        parents=jnp.zeros((steps, rows, width), jnp.int32),
        log_probabilities=jnp.zeros((steps, rows, width)),
        progress=nothing_written(parameters.constraints, width),
        recent=nothing_recent(rows, width),
        past=no_past(rows, width, max_length),
        trace=jax.tree.map(lambda a: jnp.zeros((a.shape[0], steps, *a.shape[1:]), a.dtype), trace),
        finished=_Finished(masked, masked, zeros, zeros),
    )


def _advance(beam: _Beam, of_search: _Search) -> _Beam:
    (rows, width), t, parameters = beam.log_probability.shape, beam.t, of_search.parameters
    slots, constraints = jnp.arange(width), parameters.constraints
    carry, logits, trace = of_search.step(beam.carry, beam.last, beam.counts, beam.copies)
    places = row_starts(beam.counts)[:, None] + slots
    following = _next_tokens(logits, beam, of_search)
    end, continuing, ids = (get_at(a, places) for a in following)
    exists = slots < beam.counts[:, None]
    left = parameters.max_length[:, None] - t
    loops = continues_loop(beam.recent, parameters.folded[ids], parameters.repetitions)
    may_continue = (exists & (left > 0))[..., None] & ~loops
    free = Candidates(
        ids,
        jnp.full_like(ids, -1),
        _extend(beam.log_probability[..., None], continuing, may_continue),
    )
    stuck = (free.log_probability == MASKED).all(axis=-1)
    may_stop = (t >= parameters.min_length[:, None]) | stuck
    may_stop &= exists & (beam.progress.owed == 0)
    ends = _extend(beam.log_probability, end, may_stop)
    must_copy = exists & (beam.progress.copies > 0) & ((beam.progress.copies >= left) | stuck)

    def unconstrained() -> tuple[Chosen, Progress]:
        alive, best = lax.top_k(free.log_probability.reshape(rows, -1), width)
        parent, token = best // ids.shape[-1], _of_row(ids.reshape(rows, -1), best)
        chosen = Chosen(alive, parent, token, jnp.full_like(token, -1), alive)
        return chosen, copy(beam.progress, chosen)

    def constrained() -> tuple[Chosen, Progress]:
        tokens, phrase = required_tokens(constraints, beam.progress, t, must_copy)
        likely = log_probabilities_of(
            logits, following.end, from_grid(tokens, beam.counts, rows * width)
        )
        attention = jnp.zeros(beam.progress.met.shape)
        if of_search.attention_to_terms:
            attention = of_search.attention_to_terms(trace)
        pointer = pointers(constraints, beam.progress, attention)
        rest = jnp.log1p(-pointer.sum(axis=-1, keepdims=True))
        likely = get_at(likely, places) + rest
        pointed = jnp.logaddexp(likely[..., :-1], jnp.log(pointer))
        required = Candidates(
            tokens,
            phrase,
            _extend(
                beam.log_probability[..., None],
                jnp.concatenate([pointed, likely[..., -1:]], axis=-1),
                (exists & (left > 0))[..., None] & (tokens != PAD),
            ),
        )
        other = free._replace(
            log_probability=_extend(
                beam.log_probability[..., None], continuing + rest, may_continue
            )
        )
        candidates = restrict(constraints, beam.progress, other, required, t, left)
        chosen = choose(constraints, beam.progress, candidates)
        return chosen, write(constraints, beam.progress, chosen)

    is_constrained = of_search.is_constrained | must_copy.any()
    chosen, progress = lax.cond(is_constrained, constrained, unconstrained)
    alive, parent, token = chosen.log_probability, chosen.parent, chosen.token
    ahead = _count_above(chosen.rivals, ends) + _count_above(ends, ends)
    length_penalty = (t + 1.0) ** parameters.length_penalty[:, None]
    new = _Finished(
        score=ends / length_penalty,
        log_probability=ends,
        length=jnp.full((rows, width), t),
        slot=jnp.broadcast_to(slots, (rows, width)),
    )
    finished = _best(beam.finished, new, (ends > MASKED) & (ahead < parameters.beam[:, None]))

    size = jnp.where(of_search.has_phrases, width, parameters.beam)
    continues = (alive > MASKED) & (slots < size[:, None])
    alive = jnp.where(continues, alive, MASKED)
    done = (finished.log_probability > MASKED).sum(axis=-1) >= parameters.beam
    # The first hypotheses to meet all phrases are seldom the best.
    promising = (alive / length_penalty).max(axis=-1)
    done &= ~of_search.has_phrases | (promising <= finished.score[:, 0])
    counts = jnp.where(done, 0, continues.sum(axis=-1))
    hypothesis, last = _ragged(places[:, :1] + parent, counts), _ragged(token, counts)
    return _Beam(
        t=t + 1,
        counts=counts,
        carry=jax.tree.map(lambda a: get_at(a, hypothesis), carry),
        last=last,
        copies=_ragged(progress.copies, counts),
        log_probability=alive,
        chosen=set_at(beam.chosen, t, token),
        parents=set_at(beam.parents, t, parent),
        log_probabilities=set_at(beam.log_probabilities, t, alive),
        progress=progress,
        recent=extend_recent(beam.recent, parent, of_search.parameters.folded[token]),
        past=lax.cond(
            of_search.is_penalized,
            lambda: extend_past(beam.past, parent, token, t),
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


def _next_tokens(logits: FactoredLogits, beam: _Beam, of_search: _Search) -> NextTokens:
    """The best next tokens of each hypothesis under the penalties."""
    width, penalties = beam.log_probability.shape[1], of_search.parameters.penalties
    return lax.cond(
        of_search.is_penalized,
        lambda: best_tokens(
            penalized(logits.values(), beam.past, beam.t, beam.counts, penalties), width
        ),
        lambda: next_tokens(logits, beam.counts, width),
    )


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


def _trace_back(beam: _Beam) -> tuple[Array, Array, Array]:
    """The tokens and slots of each finished hypothesis, and its log-probability up to each token,
    followed back from its last step."""
    finished, steps = beam.finished, len(beam.parents)

    def step_back(i: Array, results: tuple[Array, ...]) -> tuple[Array, ...]:
        """From the slots after step t to the tokens that were chosen there, and the slots at it."""
        t = beam.t - 1 - i
        tokens, slots, totals = results
        after = lax.dynamic_index_in_dim(slots, t + 1, 0, keepdims=False)  # clamped
        chosen, parents, total = (
            _of_row(lax.dynamic_index_in_dim(each, t, 0, keepdims=False), after)
            for each in (beam.chosen, beam.parents, beam.log_probabilities)
        )
        token = jnp.where(t < finished.length, chosen, PAD)
        slot = jnp.where(t < finished.length, parents, finished.slot)
        return set_at(tokens, t, token), set_at(slots, t, slot), set_at(totals, t, total)

    tokens = jnp.full((steps, *finished.slot.shape), PAD)
    slots, totals = jnp.zeros_like(tokens), jnp.zeros(tokens.shape)
    tokens, slots, totals = (
        jnp.moveaxis(each, 0, -1)
        for each in lax.fori_loop(0, beam.t, step_back, (tokens, slots, totals))
    )
    return tokens[..., :-1], slots, totals[..., :-1]


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
