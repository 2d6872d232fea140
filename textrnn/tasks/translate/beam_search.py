"""Beam search over any step(carry, token) -> (carry, logits, trace), in one compiled loop.

    a beam of 2, third step:    the house </s>     finished
                                the home  .        goes on
                                the house .        goes on

Of all continuations of a row's hypotheses the best are looked at: those that end, if they are
among the first `beam`, are finished; the first `beam` of the others go on. A row is over when
`beam` hypotheses are finished, and the loop when all rows are. A beam of 1 is greedy search.
Finished hypotheses are ordered by their log-probability, divided by a power of their length
(Wu et al. 2016, section 7, without its constant).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from textrnn.text.tokenizer import BOS, EOS, PAD

Step = Callable[[Any, Int[Array, " hypotheses"]], tuple[Any, Float[Array, "hypotheses ids"], Any]]
"""The carry and the last token of each hypothesis, to the new carry, the logits of what may follow
and a trace: arrays of [hypotheses, ...] to be kept of each step. The hypotheses of a row stand side
by side."""
NEVER = -1e9


class BeamParameters(NamedTuple):
    """What each row asks for. All are values: other values need no other program."""

    beam: Int[Array, " rows"]
    """Hypotheses that are followed, at most the width of the program."""
    length_penalty: Float[Array, " rows"]
    """The power of the length that log-probabilities are divided by; 0: none."""
    least: Int[Array, " rows"]
    """Tokens before a hypothesis may end."""
    most: Int[Array, " rows"]
    """Tokens behind which it must, at most the room of the program."""
    no_repeat: Int[Array, " rows"]
    """No sequence of so many tokens comes twice; 0: any may."""
    repetition_penalty: Float[Array, " rows"]
    """What logits of tokens that were used are divided by, or multiplied by where they are negative
    (Keskar et al. 2019, section 4.1); 1: nothing."""


class SearchResult(NamedTuple):
    """The finished hypotheses of each row, the best one first."""

    tokens: Int[Array, "rows width room"]
    """Without EOS; PAD behind the last one."""
    lengths: Int[Array, "rows width"]
    log_probabilities: Float[Array, "rows width"]
    """With EOS's; NEVER where a row has fewer hypotheses. They are the model's own, unless there is
    a repetition penalty, which makes another distribution of it."""
    trace: Any
    """[rows, width, room + 1, ...]: what each step left, the step to EOS included."""


class _Ended(NamedTuple):
    """Finished hypotheses, [rows, width, ...], the best one first."""

    score: Array
    """Log-probability by the power of the length."""
    log_probability: Array
    tokens: Array
    length: Array
    place: Array
    """Where in the beam it stood at its last step."""


class _Beam(NamedTuple):
    """What the loop hands from step to step. A dead place of a beam has the log-probability
    NEVER."""

    t: Array
    carry: Any
    tokens: Int[Array, "rows width room"]
    log_probability: Float[Array, "rows width"]
    echo: Int[Array, "rows width room"]
    """How many tokens before each position equal, one by one, the last ones."""
    parents: Int[Array, "steps rows width"]
    """Where in the beam of the step each hypothesis of the next one was."""
    trace: Any
    """[steps, rows, width, ...]"""
    ended: _Ended


def search(step: Step, carry: Any, settings: BeamParameters, width: int, room: int) -> SearchResult:
    """The best hypotheses of each row, of at most `room` tokens. `carry` has arrays of [rows, ...],
    and a row's hypotheses all start from the same."""
    beam = lax.while_loop(
        lambda beam: ~_over(beam, settings).all(),
        lambda beam: _advance(beam, step, settings),
        _first(step, carry, len(settings.beam), width, room),
    )
    ended = beam.ended
    return SearchResult(ended.tokens, ended.length, ended.log_probability, _traced(beam))


def _first(step: Step, carry: Any, rows: int, width: int, room: int) -> _Beam:
    carry = jax.tree.map(lambda a: jnp.repeat(a, width, axis=0), carry)
    _, _, trace = jax.eval_shape(step, carry, jnp.zeros(rows * width, jnp.int32))
    never = jnp.full((rows, width), NEVER)
    none = jnp.zeros((rows, width), jnp.int32)
    tokens = jnp.full((rows, width, room), PAD)
    return _Beam(
        t=jnp.zeros((), jnp.int32),
        carry=carry,
        tokens=tokens,
        log_probability=never.at[:, 0].set(0.0),
        echo=jnp.zeros_like(tokens),
        parents=jnp.zeros((room + 1, rows, width), jnp.int32),
        trace=jax.tree.map(
            lambda a: jnp.zeros((room + 1, rows, width, *a.shape[1:]), a.dtype), trace
        ),
        ended=_Ended(never, never, tokens, none, none),
    )


def _over(beam: _Beam, settings: BeamParameters) -> Array:
    """Which rows have all their hypotheses. (Behind `most` tokens none is alive.)"""
    finished = (beam.ended.log_probability > NEVER).sum(axis=-1)
    return (finished >= settings.beam) | (beam.log_probability <= NEVER).all(axis=-1)


def _advance(beam: _Beam, step: Step, settings: BeamParameters) -> _Beam:
    rows, width, room = beam.tokens.shape
    t, row = beam.t, jnp.arange(rows)[:, None]
    last = jnp.where(t == 0, BOS, beam.tokens[:, :, jnp.maximum(t - 1, 0)])
    carry, logits, trace = step(beam.carry, last.reshape(-1))
    logits = logits.reshape(rows, width, -1)
    ids = logits.shape[-1]

    candidates = beam.log_probability[..., None] + _likelihoods(logits, beam, settings)
    # Of twice the width at least the width goes on, since each hypothesis has one end only.
    found, best = lax.top_k(candidates.reshape(rows, -1), 2 * width)
    found = jnp.where(_over(beam, settings)[:, None], NEVER, jnp.maximum(found, NEVER))
    parent, token = best // ids, best % ids
    ends = (token == EOS) & (jnp.arange(2 * width) < settings.beam[:, None])
    score = found / (t + 1.0) ** settings.length_penalty[:, None]
    new = _Ended(
        score=jnp.where(ends, score, NEVER),
        log_probability=jnp.where(ends, found, NEVER),
        tokens=beam.tokens[row, parent],
        length=jnp.full((rows, 2 * width), t),
        place=parent,
    )

    going, chosen = lax.top_k(jnp.where(token == EOS, NEVER, found), width)
    going = jnp.where(jnp.arange(width) < settings.beam[:, None], going, NEVER)
    parent, token = parent[row, chosen], token[row, chosen]
    tokens, place = beam.tokens[row, parent], (row * width + parent).reshape(-1)
    follows = (tokens == token[..., None]) & (jnp.arange(room) < t)
    echo = jnp.where(follows, beam.echo[row, parent] + 1, 0)
    return _Beam(
        t=t + 1,
        carry=jax.tree.map(lambda a: a[place], carry),
        tokens=jnp.where(jnp.arange(room) == t, token[..., None], tokens),
        log_probability=going,
        echo=jnp.pad(echo, ((0, 0), (0, 0), (1, 0)))[:, :, :-1],
        parents=beam.parents.at[t].set(parent),
        trace=jax.tree.map(
            lambda kept, left: kept.at[t].set(left.reshape(kept.shape[1:])), beam.trace, trace
        ),
        ended=_merged(beam.ended, new),
    )


def _likelihoods(logits: Array, beam: _Beam, settings: BeamParameters) -> Array:
    """Log-probabilities of the next tokens, NEVER where a setting forbids one."""
    used = lax.cond(
        ((settings.no_repeat > 0) | (settings.repetition_penalty != 1)).any(),
        lambda: _limited(logits, beam, settings),
        lambda: jax.nn.log_softmax(logits),
    )
    end = jnp.arange(logits.shape[-1]) == EOS
    early, late = beam.t < settings.least, beam.t >= settings.most
    forbidden = jnp.where(end, early[:, None], late[:, None])
    return jnp.where(forbidden[:, None], NEVER, used)


def _limited(logits: Array, beam: _Beam, settings: BeamParameters) -> Array:
    """Log-probabilities after the penalties for what was used before."""
    rows, width, room = beam.tokens.shape
    row, place = jnp.arange(rows)[:, None, None], jnp.arange(width)[:, None]
    past = jnp.arange(room) < beam.t

    def marked(which: Array) -> Array:
        mask = jnp.zeros(logits.shape, bool)
        return mask.at[row, place, beam.tokens].max(past & which)

    penalty = settings.repetition_penalty[:, None, None]
    lower = jnp.where(logits > 0, logits / penalty, logits * penalty)
    logits = jnp.where(marked(jnp.ones_like(beam.tokens, bool)), lower, logits)
    longest = settings.no_repeat[:, None, None]
    again = marked((longest > 0) & (beam.echo >= longest - 1))
    return jnp.where(again, NEVER, jax.nn.log_softmax(logits))


def _merged(old: _Ended, new: _Ended) -> _Ended:
    """The best of both."""
    width = old.score.shape[1]
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), old, new)
    _, best = lax.top_k(both.score, width)
    return jax.tree.map(lambda a: a[jnp.arange(len(best))[:, None], best], both)


def _traced(beam: _Beam) -> Any:
    """What the steps of each finished hypothesis left, found by going back from its end."""
    ended, steps = beam.ended, len(beam.parents)
    row = jnp.arange(len(ended.place))[:, None]

    def back(place: Array, t: Array) -> tuple[Array, Array]:
        place = jnp.where(t == ended.length, ended.place, place)
        return jnp.where(t > 0, beam.parents[t - 1, row, place], 0), place

    _, places = lax.scan(back, ended.place, jnp.arange(steps), reverse=True)
    t = jnp.arange(steps)[:, None, None]

    def pick(kept: Array) -> Array:
        taken = kept[t, row, places]
        real = (t <= ended.length).reshape(*places.shape, *(1,) * (taken.ndim - 3))
        return jnp.moveaxis(jnp.where(real, taken, 0), 0, 2)

    return jax.tree.map(pick, beam.trace)
