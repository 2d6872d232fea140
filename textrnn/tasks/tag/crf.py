"""A linear-chain conditional random field over the tags of a sentence, in log space.

Lafferty et al. 2001; as a layer over a BiLSTM, Lample et al. 2016. The score of a path of tags
y(0) ... y(n-1) is

    start[y(0)] + sum over t of emissions[t, y(t)] + sum over t of transition[y(t-1), y(t)]
      + end[y(n-1)]

and its probability is the exponential of its score over the sum for all paths. Forbidden
transitions score FORBIDDEN. Emissions are [time, rows, tags]; those at padding are ignored.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from textrnn.layers.axes import BatchArray, Lengths
from textrnn.layers.masking import valid_positions

FORBIDDEN = -1e4
"""Low enough that no other score compensates for it, and high enough that float32 sums with it
keep three decimals."""

Emissions = Float[Array, "time rows tags"]
Path = Int[BatchArray, "time rows"]
PathScores = Float[Array, "time rows"]
Sentence = tuple[np.ndarray, np.ndarray]
"""The emissions of one sentence, [time, tags], and its gold path, [time]."""


class TransitionScores(NamedTuple):
    """Scores of the first tag, of pairs of neighbouring tags, and of the last tag."""

    start: Float[Array, " tags"]
    transition: Float[Array, "tags tags"]
    """[from, to]"""
    end: Float[Array, " tags"]


def path_score(
    emissions: Emissions, chain: TransitionScores, path: Path, lengths: Lengths
) -> Float[Array, " rows"]:
    """The score of one path for each row."""
    return _path_steps(emissions, chain, path, lengths).sum(axis=0) + _at_end(
        chain.end[path], lengths
    )


def log_partition(
    emissions: Emissions, chain: TransitionScores, lengths: Lengths
) -> Float[Array, " rows"]:
    """The log of the sum over all paths of the exponentials of their scores."""
    forward = _forward(emissions, chain, lengths)
    return jax.nn.logsumexp(forward[-1] + chain.end, axis=-1)


def log_likelihood(
    emissions: Emissions, chain: TransitionScores, path: Path, lengths: Lengths
) -> Float[Array, " rows"]:
    """The log-probability of a path for each row; 0 for an empty row."""
    score = path_score(emissions, chain, path, lengths)
    return jnp.where(lengths > 0, score - log_partition(emissions, chain, lengths), 0)


def viterbi(emissions: Emissions, chain: TransitionScores, lengths: Lengths) -> Path:
    """The best path for each row (Viterbi 1967), with zeros at padding."""

    def step(best, inputs):
        time, emission = inputs
        scores = best[:, :, None] + chain.transition
        valid = (time < lengths)[:, None]
        back_pointers = jnp.where(valid, scores.argmax(axis=1), jnp.arange(best.shape[1]))
        return jnp.where(valid, scores.max(axis=1) + emission, best), back_pointers

    times = jnp.arange(1, len(emissions))
    best, back_pointers = jax.lax.scan(step, chain.start + emissions[0], (times, emissions[1:]))
    last_tag = (best + chain.end).argmax(axis=-1)

    def step_back(tag, pointers):
        previous = jnp.take_along_axis(pointers, tag[:, None], axis=1)[:, 0]
        return previous, tag

    first, others = jax.lax.scan(step_back, last_tag, back_pointers, reverse=True)
    path = jnp.concatenate([first[None], others])
    return jnp.where(valid_positions(len(path), lengths), path, 0)


class ForwardBackward(NamedTuple):
    """Forward-backward scores along one path, and the marginals of all tags.

    `span_log_probability` computes the probability of any span of the path from them.
    """

    forward: PathScores
    """Log-sum over all prefixes that end in the path's tag at each time."""
    steps: PathScores
    """Score of the path itself at each time: its emission, and the transition to it."""
    backward: PathScores
    """Log-sum over all suffixes that follow the path's tag, less the log-partition."""
    marginals: Emissions
    """Log-probabilities of all tags."""


def forward_backward(
    emissions: Emissions, chain: TransitionScores, path: Path, lengths: Lengths
) -> ForwardBackward:
    """The forward-backward algorithm (Rabiner 1989), with the scores along `path` picked out."""
    forward = _forward(emissions, chain, lengths)
    backward = _backward(emissions, chain, lengths)
    partition = jax.nn.logsumexp(forward[-1] + chain.end, axis=-1)
    return ForwardBackward(
        forward=_pick(forward, path),
        steps=_path_steps(emissions, chain, path, lengths),
        backward=_pick(backward, path) - partition,
        marginals=forward + backward - partition[:, None],
    )


def span_log_probability(scores: ForwardBackward, start: int, end: int) -> Array | np.floating:
    """The log-probability that the tags from `start` up to `end` are those of the path, summed
    over all other tags (Culotta and McCallum 2004). `scores` has the arrays of one row."""
    between = scores.steps[start + 1 : end].sum()
    return scores.forward[start] + between + scores.backward[end - 1]


def _forward(emissions: Emissions, chain: TransitionScores, lengths: Lengths) -> Emissions:
    """The log-sum over all prefixes that end in each tag; past the end of a row, its last one."""

    def step(forward, inputs):
        time, emission = inputs
        onward = jax.nn.logsumexp(forward[:, :, None] + chain.transition, axis=1) + emission
        forward = jnp.where((time < lengths)[:, None], onward, forward)
        return forward, forward

    first = chain.start + emissions[0]
    times = jnp.arange(1, len(emissions))
    _, others = jax.lax.scan(step, first, (times, emissions[1:]))
    return jnp.concatenate([first[None], others])


def _backward(emissions: Emissions, chain: TransitionScores, lengths: Lengths) -> Emissions:
    """The log-sum over all suffixes that follow each tag; at the end of a row, `chain.end`."""
    last = jnp.broadcast_to(chain.end, emissions.shape[1:])

    def step(backward, inputs):
        time, emission = inputs
        onward = (backward + emission)[:, None, :] + chain.transition
        valid = (time < lengths)[:, None]
        backward = jnp.where(valid, jax.nn.logsumexp(onward, axis=2), last)
        return backward, backward

    times = jnp.arange(1, len(emissions))
    _, others = jax.lax.scan(step, last, (times, emissions[1:]), reverse=True)
    return jnp.concatenate([others, last[None]])


def _path_steps(
    emissions: Emissions, chain: TransitionScores, path: Path, lengths: Lengths
) -> PathScores:
    """The emission and the transition that a path scores at each time; 0 at padding."""
    transitions = jnp.concatenate([chain.start[path[:1]], chain.transition[path[:-1], path[1:]]])
    return jnp.where(valid_positions(len(path), lengths), _pick(emissions, path) + transitions, 0)


def _pick(values: Emissions, path: Path) -> PathScores:
    return jnp.take_along_axis(values, path[..., None], axis=-1)[..., 0]


def _at_end(values: PathScores, lengths: Lengths) -> Float[Array, " rows"]:
    return values[jnp.maximum(lengths - 1, 0), jnp.arange(values.shape[1])]


def fit_path_temperature(
    sentences: Sequence[Sentence], chain: TransitionScores, chunk: int = 256
) -> float:
    """The temperature at which the paths of these sentences are most probable (Guo et al. 2017).

    All scores are to be divided by it. It is between 0.2 and 5, with a relative tolerance of 2 %.
    """
    from scipy.optimize import minimize_scalar

    by_length = sorted(sentences, key=lambda sentence: len(sentence[1]))
    batches = [_stack(by_length[i : i + chunk], chunk) for i in range(0, len(by_length), chunk)]

    def loss(log_temperature: float) -> float:
        scale = np.float32(np.exp(-log_temperature))
        return -sum(float(_scaled_log_likelihood(scale, chain, *batch)) for batch in batches)

    bounds = (np.log(0.2), np.log(5.0))
    minimum = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 0.02})
    return float(np.exp(minimum.x))  # type: ignore[union-attr]


@jax.jit
def _scaled_log_likelihood(
    scale: Float[Array, ""],
    chain: TransitionScores,
    emissions: Emissions,
    path: Path,
    lengths: Lengths,
) -> Float[Array, ""]:
    chain = TransitionScores(*(part * scale for part in chain))
    return log_likelihood(emissions * scale, chain, path, lengths).sum()


def _stack(
    sentences: Sequence[Sentence], rows: int
) -> tuple[
    Float[np.ndarray, "time rows tags"], Int[np.ndarray, "time rows"], Int[np.ndarray, " rows"]
]:
    """A batch of sentences, padded to a power of two so that few shapes are compiled."""
    longest = max(len(path) for _, path in sentences)
    time = 1 << (longest - 1).bit_length()
    emissions = np.zeros((time, rows, sentences[0][0].shape[1]), np.float32)
    paths, lengths = np.zeros((time, rows), np.int32), np.zeros(rows, np.int32)
    for row, (scores, path) in enumerate(sentences):
        emissions[: len(path), row], paths[: len(path), row] = scores, path
        lengths[row] = len(path)
    return emissions, paths, lengths
