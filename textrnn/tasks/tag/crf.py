"""A linear-chain conditional random field over the tags of a sentence, in log space.

Lafferty et al. 2001; as a layer over a BiLSTM, Lample et al. 2016. The score of a path of tags
y(0) ... y(n-1) is

    first[y(0)] + sum over t of emissions[t, y(t)] + sum over t of between[y(t-1), y(t)]
      + last[y(n-1)]

and its probability the exponential of that over the sum for all paths. What may not be has a score
of FORBIDDEN. Emissions are [time, rows, tags]; past a row's length they count for nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

FORBIDDEN = -1e4
"""So little that nothing makes up for it, and sums of it still are exact enough."""

Emissions = Float[Array, "time rows tags"]
Lengths = Int[Array, " rows"]
Path = Int[Array, "time rows"]


class TransitionScores(NamedTuple):
    """What tags score by their place and their neighbour."""

    first: Float[Array, " tags"]
    between: Float[Array, "tags tags"]
    """[from, to]"""
    last: Float[Array, " tags"]


def path_score(
    emissions: Emissions, chain: TransitionScores, path: Path, lengths: Lengths
) -> Array:
    """The score of one path for each row."""
    return _path_steps(emissions, chain, path, lengths).sum(axis=0) + _at_end(
        chain.last[path], lengths
    )


def log_partition(
    emissions: Emissions, chain: TransitionScores, lengths: Lengths
) -> Float[Array, " rows"]:
    """The logarithm of the sum of the exponentials of all paths' scores."""
    ahead = _forward(emissions, chain, lengths)
    return jax.nn.logsumexp(ahead[-1] + chain.last, axis=-1)


def log_likelihood(
    emissions: Emissions, chain: TransitionScores, path: Path, lengths: Lengths
) -> Float[Array, " rows"]:
    """The log-probability of a path for each row, and 0 for an empty row. Its gradient is what
    training climbs."""
    score = path_score(emissions, chain, path, lengths)
    return jnp.where(lengths > 0, score - log_partition(emissions, chain, lengths), 0)


def viterbi(emissions: Emissions, chain: TransitionScores, lengths: Lengths) -> Path:
    """The best path for each row (Viterbi 1967); past its length it holds zeros."""

    def step(best, inputs):
        now, emission = inputs
        onward = best[:, :, None] + chain.between
        after = onward.max(axis=1) + emission
        real = (now < lengths)[:, None]
        came = jnp.where(real, onward.argmax(axis=1), jnp.arange(best.shape[1]))
        return jnp.where(real, after, best), came

    times = jnp.arange(1, len(emissions))
    best, came = jax.lax.scan(step, chain.first + emissions[0], (times, emissions[1:]))
    tag = (best + chain.last).argmax(axis=-1)

    def back(tag, came):
        before = jnp.take_along_axis(came, tag[:, None], axis=1)[:, 0]
        return before, tag

    first, others = jax.lax.scan(back, tag, came, reverse=True)
    path = jnp.concatenate([first[None], others])
    return jnp.where(jnp.arange(len(path))[:, None] < lengths, path, 0)


class ForwardBackward(NamedTuple):
    """What `stretch` needs to tell the probability of any stretch of one path, and how probable
    each tag is at each time, over all paths."""

    ahead: Float[Array, "time rows"]
    """Over all ways to come to the path's tag at each time, from the start."""
    steps: Float[Array, "time rows"]
    """What the path itself scores from each time to the next, without ends."""
    behind: Float[Array, "time rows"]
    """Over all ways to go on from the path's tag to the end, less the log-partition."""
    marginals: Emissions
    """The log-probabilities of all tags."""


def forward_backward(
    emissions: Emissions, chain: TransitionScores, path: Path, lengths: Lengths
) -> ForwardBackward:
    """The forward and backward sums (Rabiner 1989) where a path goes through them."""
    ahead = _forward(emissions, chain, lengths)
    behind = _backward(emissions, chain, lengths)
    total = jax.nn.logsumexp(ahead[-1] + chain.last, axis=-1)
    steps = _path_steps(emissions, chain, path, lengths)
    marginals = ahead + behind - total[:, None]
    return ForwardBackward(_pick(ahead, path), steps, _pick(behind, path) - total, marginals)


def span_log_probability(forward_backward: ForwardBackward, start: int, end: int) -> Array:
    """The log-probability that the tags from `start` up to `end` are those of the path, whatever
    the others are: a sum over all paths that share this stretch."""
    inside = forward_backward.steps[start + 1 : end].sum(axis=0)
    return forward_backward.ahead[start] + inside + forward_backward.behind[end - 1]


def _forward(emissions: Emissions, chain: TransitionScores, lengths: Lengths) -> Emissions:
    def step(ahead, inputs):
        now, emission = inputs
        onward = jax.nn.logsumexp(ahead[:, :, None] + chain.between, axis=1) + emission
        ahead = jnp.where((now < lengths)[:, None], onward, ahead)
        return ahead, ahead

    first = chain.first + emissions[0]
    times = jnp.arange(1, len(emissions))
    _, others = jax.lax.scan(step, first, (times, emissions[1:]))
    return jnp.concatenate([first[None], others])


def _backward(emissions: Emissions, chain: TransitionScores, lengths: Lengths) -> Emissions:
    """The log-sum of all that may follow each tag; at the end of a row, `last`."""
    last = jnp.broadcast_to(chain.last, emissions.shape[1:])

    def step(behind, inputs):
        now, emission = inputs
        onward = (behind + emission)[:, None, :] + chain.between
        behind = jnp.where((now < lengths)[:, None], jax.nn.logsumexp(onward, axis=2), last)
        return behind, behind

    times = jnp.arange(1, len(emissions))
    _, others = jax.lax.scan(step, last, (times, emissions[1:]), reverse=True)
    return jnp.concatenate([others, last[None]])


def _path_steps(
    emissions: Emissions, chain: TransitionScores, path: Path, lengths: Lengths
) -> Float[Array, "time rows"]:
    """What a path adds to its score at each time."""
    moves = jnp.concatenate([chain.first[path[:1]], chain.between[path[:-1], path[1:]]])
    real = jnp.arange(len(path))[:, None] < lengths
    return jnp.where(real, _pick(emissions, path) + moves, 0)


def _pick(values: Emissions, path: Path) -> Float[Array, "time rows"]:
    return jnp.take_along_axis(values, path[..., None], axis=-1)[..., 0]


def _at_end(values: Float[Array, "time rows"], lengths: Lengths) -> Float[Array, " rows"]:
    return values[jnp.maximum(lengths - 1, 0), jnp.arange(values.shape[1])]


def fit_temperature(
    sentences: Sequence[tuple[np.ndarray, np.ndarray]], chain: TransitionScores, chunk: int = 256
) -> float:
    """What to divide all scores by so that the paths of these sentences are likeliest (Guo et al.
    2017), between 0.2 and 5, to 2 %. A sentence is its emissions, [time, tags], and its path."""
    from scipy.optimize import minimize_scalar

    ordered = sorted(sentences, key=lambda sentence: len(sentence[1]))
    batches = [_stack(ordered[i : i + chunk], chunk) for i in range(0, len(ordered), chunk)]

    def loss(log_temperature: float) -> float:
        cooler = np.float32(np.exp(-log_temperature))
        return -sum(float(_scaled(cooler, chain, *batch)) for batch in batches)

    bounds = (np.log(0.2), np.log(5.0))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 0.02})
    return float(np.exp(found.x))  # type: ignore[union-attr]


@jax.jit
def _scaled(
    cooler: Array, chain: TransitionScores, emissions: Array, path: Array, lengths: Array
) -> Array:
    chain = TransitionScores(*(part * cooler for part in chain))
    return log_likelihood(emissions * cooler, chain, path, lengths).sum()


def _stack(
    sentences: Sequence[tuple[np.ndarray, np.ndarray]], rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sentences side by side, in one of few shapes, so that little is compiled."""
    longest = max(len(path) for _, path in sentences)
    time = 1 << (longest - 1).bit_length()
    emissions = np.zeros((time, rows, sentences[0][0].shape[1]), np.float32)
    paths, lengths = np.zeros((time, rows), np.int32), np.zeros(rows, np.int32)
    for row, (scores, path) in enumerate(sentences):
        emissions[: len(path), row], paths[: len(path), row] = scores, path
        lengths[row] = len(path)
    return emissions, paths, lengths
