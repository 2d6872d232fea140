"""Beam search over any step(carry, token) -> (carry, logits, trace), in one compiled loop.

    a beam of 2, third step:    the house </s>     finished
                                the home  .        continues
                                the house .        continues

At each step, all continuations of a row's hypotheses are ranked. Those among the first `beam` that
end are finished, and the first `beam` of the others continue. A row is done when `beam` hypotheses
are finished, and the loop ends when all rows are done. A beam of 1 is greedy search. Finished
hypotheses are ranked by log-probability divided by a power of their length (Wu et al. 2016, section
7, without the constant).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from textrnn.layers.masking import MASKED
from textrnn.text.tokenizer import BOS, EOS, PAD

SearchStep = Callable[
    [Any, Int[Array, " hypotheses"]], tuple[Any, Float[Array, "hypotheses ids"], Any]
]
"""From the carry and the last token of each hypothesis to the new carry, the logits of the next
token, and a trace: arrays of [hypotheses, ...] that are kept for each step. The hypotheses of a row
are adjacent."""


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
    trace: Any
    """[rows, beam, max_length + 1, ...]: the trace of each step, up to the step that chose EOS."""


class _Finished(NamedTuple):
    """Finished hypotheses, [rows, beam, ...], the best one first."""

    score: Array
    """Log-probability with the length penalty applied."""
    log_probability: Array
    tokens: Array
    length: Array
    slot: Array
    """Its position in the beam at its last step."""


class _Beam(NamedTuple):
    """The loop state. An empty slot of a beam has the log-probability MASKED."""

    t: Array
    carry: Any
    tokens: Int[Array, "rows beam max_length"]
    log_probability: Float[Array, "rows beam"]
    repeat_length: Int[Array, "rows beam max_length"]
    """For each position, how many tokens before it equal the most recent tokens."""
    parents: Int[Array, "steps rows beam"]
    """For each step, the slot that each hypothesis of the next step continues."""
    trace: Any
    """[steps, rows, beam, ...]"""
    finished: _Finished


def search(
    step: SearchStep, carry: Any, parameters: BeamParameters, width: int, max_length: int
) -> SearchResult:
    """The best hypotheses of each row.

    `carry` has arrays of [rows, ...], from which all hypotheses of a row start. `width` and
    `max_length` are static upper bounds on the beam size and the number of tokens.
    """
    beam = lax.while_loop(
        lambda beam: ~_done(beam, parameters).all(),
        lambda beam: _advance(beam, step, parameters),
        _initial(step, carry, len(parameters.beam), width, max_length),
    )
    finished = beam.finished
    return SearchResult(
        finished.tokens, finished.length, finished.log_probability, _gather_trace(beam)
    )


def _initial(step: SearchStep, carry: Any, rows: int, width: int, max_length: int) -> _Beam:
    carry = jax.tree.map(lambda a: jnp.repeat(a, width, axis=0), carry)
    _, _, trace = jax.eval_shape(step, carry, jnp.zeros(rows * width, jnp.int32))
    masked = jnp.full((rows, width), MASKED)
    zeros = jnp.zeros((rows, width), jnp.int32)
    tokens = jnp.full((rows, width, max_length), PAD)
    return _Beam(
        t=jnp.zeros((), jnp.int32),
        carry=carry,
        tokens=tokens,
        log_probability=masked.at[:, 0].set(0.0),
        repeat_length=jnp.zeros_like(tokens),
        parents=jnp.zeros((max_length + 1, rows, width), jnp.int32),
        trace=jax.tree.map(
            lambda a: jnp.zeros((max_length + 1, rows, width, *a.shape[1:]), a.dtype), trace
        ),
        finished=_Finished(masked, masked, tokens, zeros, zeros),
    )


def _done(beam: _Beam, parameters: BeamParameters) -> Bool[Array, " rows"]:
    """The rows that have all their hypotheses. (After `max_length` tokens, no slot is alive.)"""
    finished = (beam.finished.log_probability > MASKED).sum(axis=-1)
    return (finished >= parameters.beam) | (beam.log_probability <= MASKED).all(axis=-1)


def _advance(beam: _Beam, step: SearchStep, parameters: BeamParameters) -> _Beam:
    rows, width, max_length = beam.tokens.shape
    t, row = beam.t, jnp.arange(rows)[:, None]
    last = jnp.where(t == 0, BOS, beam.tokens[:, :, jnp.maximum(t - 1, 0)])
    carry, logits, trace = step(beam.carry, last.reshape(-1))
    logits = logits.reshape(rows, width, -1)
    ids = logits.shape[-1]

    candidates = beam.log_probability[..., None] + _next_log_probabilities(logits, beam, parameters)
    # Each hypothesis has one continuation by EOS, so that at least half of 2 * width continue.
    scores, best = lax.top_k(candidates.reshape(rows, -1), 2 * width)
    scores = jnp.where(_done(beam, parameters)[:, None], MASKED, jnp.maximum(scores, MASKED))
    parent, token = best // ids, best % ids
    ends = (token == EOS) & (jnp.arange(2 * width) < parameters.beam[:, None])
    penalized = scores / (t + 1.0) ** parameters.length_penalty[:, None]
    new = _Finished(
        score=jnp.where(ends, penalized, MASKED),
        log_probability=jnp.where(ends, scores, MASKED),
        tokens=beam.tokens[row, parent],
        length=jnp.full((rows, 2 * width), t),
        slot=parent,
    )

    alive, chosen = lax.top_k(jnp.where(token == EOS, MASKED, scores), width)
    alive = jnp.where(jnp.arange(width) < parameters.beam[:, None], alive, MASKED)
    parent, token = parent[row, chosen], token[row, chosen]
    tokens, hypothesis = beam.tokens[row, parent], (row * width + parent).reshape(-1)
    repeats = (tokens == token[..., None]) & (jnp.arange(max_length) < t)
    repeat_length = jnp.where(repeats, beam.repeat_length[row, parent] + 1, 0)
    return _Beam(
        t=t + 1,
        carry=jax.tree.map(lambda a: a[hypothesis], carry),
        tokens=jnp.where(jnp.arange(max_length) == t, token[..., None], tokens),
        log_probability=alive,
        repeat_length=jnp.pad(repeat_length, ((0, 0), (0, 0), (1, 0)))[:, :, :-1],
        parents=beam.parents.at[t].set(parent),
        trace=jax.tree.map(
            lambda kept, new: kept.at[t].set(new.reshape(kept.shape[1:])), beam.trace, trace
        ),
        finished=_best(beam.finished, new),
    )


def _next_log_probabilities(logits: Array, beam: _Beam, parameters: BeamParameters) -> Array:
    """Log-probabilities of the next token, MASKED where a parameter excludes it."""
    log_probabilities = lax.cond(
        ((parameters.no_repeat_ngram > 0) | (parameters.repetition_penalty != 1)).any(),
        lambda: _penalized(logits, beam, parameters),
        lambda: jax.nn.log_softmax(logits),
    )
    end = jnp.arange(logits.shape[-1]) == EOS
    early, late = beam.t < parameters.min_length, beam.t >= parameters.max_length
    excluded = jnp.where(end, early[:, None], late[:, None])
    return jnp.where(excluded[:, None], MASKED, log_probabilities)


def _penalized(logits: Array, beam: _Beam, parameters: BeamParameters) -> Array:
    """Log-probabilities under the repetition penalty and without repeated n-grams."""
    rows, width, max_length = beam.tokens.shape
    row, slot = jnp.arange(rows)[:, None, None], jnp.arange(width)[:, None]
    past = jnp.arange(max_length) < beam.t

    def ids_at(positions: Array) -> Array:
        """A mask over ids: those at any of these past positions."""
        mask = jnp.zeros(logits.shape, bool)
        return mask.at[row, slot, beam.tokens].max(past & positions)

    penalty = parameters.repetition_penalty[:, None, None]
    penalized = jnp.where(logits > 0, logits / penalty, logits * penalty)
    logits = jnp.where(ids_at(jnp.ones_like(beam.tokens, bool)), penalized, logits)
    size = parameters.no_repeat_ngram[:, None, None]
    repeated = ids_at((size > 0) & (beam.repeat_length >= size - 1))
    return jnp.where(repeated, MASKED, jax.nn.log_softmax(logits))


def _best(old: _Finished, new: _Finished) -> _Finished:
    """The hypotheses with the highest scores among both."""
    width = old.score.shape[1]
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), old, new)
    _, best = lax.top_k(both.score, width)
    return jax.tree.map(lambda a: a[jnp.arange(len(best))[:, None], best], both)


def _gather_trace(beam: _Beam) -> Any:
    """The trace of each finished hypothesis, followed back from its last step."""
    finished, steps = beam.finished, len(beam.parents)
    row = jnp.arange(len(finished.slot))[:, None]

    def step_back(slot: Array, t: Array) -> tuple[Array, Array]:
        slot = jnp.where(t == finished.length, finished.slot, slot)
        return jnp.where(t > 0, beam.parents[t - 1, row, slot], 0), slot

    _, slots = lax.scan(step_back, finished.slot, jnp.arange(steps), reverse=True)
    t = jnp.arange(steps)[:, None, None]

    def pick(kept: Array) -> Array:
        values = kept[t, row, slots]
        valid = (t <= finished.length).reshape(*slots.shape, *(1,) * (values.ndim - 3))
        return jnp.moveaxis(jnp.where(valid, values, 0), 0, 2)

    return jax.tree.map(pick, beam.trace)
