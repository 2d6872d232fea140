"""A linear-chain conditional random field over the tags of a sentence, in log space.

Lafferty et al. 2001; as a layer over a BiLSTM, Lample et al. 2016. The score of a path of tags
y(0) ... y(n-1) is

    start[y(0)] + sum over t of emissions[t, y(t)] + sum over t of transition[y(t-1), y(t)]
      + end[y(n-1)]

and its probability is the exponential of its score over the sum for all paths. Forbidden
transitions score FORBIDDEN. Emissions and paths are ragged: the tokens of all rows lie one after
another along one axis, and the results at tokens past the last row are zero. An empty row has one
path, whose score is 0.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from textrnn.layers.axes import BatchArray, Lengths
from textrnn.layers.ragged import (
    is_token,
    last_tokens,
    positions,
    row_starts,
    spread,
    sum_rows,
)
from textrnn.native.crf import crf_backward, crf_forward, crf_viterbi
from textrnn.platform import uses_native
from textrnn.tasks.tag.crf_loops import (
    Emissions,
    PairScores,
    RowScores,
    TagScores,
    backward_loop,
    forward_loop,
    viterbi_loop,
)

FORBIDDEN = -1e4
"""Low enough that no other score compensates for it, and high enough that float32 sums with it
keep three decimals."""

Path = Int[BatchArray, " tokens"]
PathScores = Float[Array, " tokens"]
Sentence = tuple[np.ndarray, np.ndarray]
"""The emissions of one sentence, [tokens, tags], and its gold path, [tokens]."""


class TransitionScores(NamedTuple):
    """Scores of the first tag, of pairs of neighbouring tags, and of the last tag."""

    start: TagScores
    transition: PairScores
    """[from, to]"""
    end: TagScores


def path_score(
    emissions: Emissions, chain: TransitionScores, path: Path, lengths: Lengths
) -> RowScores:
    """The score of one path for each row."""
    path, lengths = jnp.asarray(path), jnp.asarray(lengths)
    at_end = jnp.where(lengths > 0, last_tokens(chain.end[path], lengths), 0)
    return sum_rows(_path_steps(emissions, chain, path, lengths), lengths) + at_end


@jax.custom_vjp
def log_partition(emissions: Emissions, chain: TransitionScores, lengths: Lengths) -> RowScores:
    """The log of the sum over all paths of the exponentials of their scores.

    Its gradient by the emissions is the probability of each tag at each token, and by the
    transitions the expected number of times that each of them is taken.
    """
    return _forward(emissions, chain, lengths)[1]


def _log_partition_forward(emissions, chain, lengths):
    forward, partition = _forward(emissions, chain, lengths)
    return partition, (emissions, chain, lengths, forward, partition)


def _log_partition_backward(saved, d_partition):
    emissions, chain, lengths, forward, partition = saved
    backward = _backward(emissions, chain, lengths, partition)
    weight = spread(d_partition, lengths, len(emissions))[:, None]
    d_emissions = weight * jnp.exp(forward + backward)
    onward = (emissions + backward)[1:, None]
    taken = jnp.exp(forward[:-1, :, None] + chain.transition + onward)
    inside = is_token(lengths, len(emissions)) & (positions(lengths, len(emissions)) > 0)
    has_tokens = (lengths > 0)[:, None]
    first_tokens = d_emissions.at[row_starts(lengths)].get(mode="clip")
    d_chain = TransitionScores(
        jnp.where(has_tokens, first_tokens, 0).sum(axis=0),
        jnp.where(inside[1:, None, None], weight[1:, None] * taken, 0).sum(axis=0),
        jnp.where(has_tokens, last_tokens(d_emissions, lengths), 0).sum(axis=0),
    )
    return d_emissions, d_chain, None


log_partition.defvjp(_log_partition_forward, _log_partition_backward)


def log_likelihood(
    emissions: Emissions, chain: TransitionScores, path: Path, lengths: Lengths
) -> RowScores:
    """The log-probability of a path for each row; 0 for an empty row."""
    return path_score(emissions, chain, path, lengths) - log_partition(emissions, chain, lengths)


def viterbi(emissions: Emissions, chain: TransitionScores, lengths: Lengths) -> Path:
    """The best path for each row (Viterbi 1967). Of equally good tags, the first is taken."""
    return _run(crf_viterbi, viterbi_loop, *lax.stop_gradient((emissions, *chain)), lengths)


class ForwardBackward(NamedTuple):
    """Forward-backward scores along one path, and the marginals of all tags.

    `span_log_probability` computes the probability of any span of the path from them.
    """

    forward: PathScores
    """Log-sum over all prefixes that end in the path's tag at each token."""
    steps: PathScores
    """Score of the path itself at each token: its emission, and the transition to it."""
    backward: PathScores
    """Log-sum over all suffixes that follow the path's tag, less the log-partition."""
    marginals: Emissions
    """Log-probabilities of all tags."""


def forward_backward(
    emissions: Emissions, chain: TransitionScores, path: Path, lengths: Lengths
) -> ForwardBackward:
    """The forward-backward algorithm (Rabiner 1989), with the scores along `path` picked out."""
    path = jnp.asarray(path)
    forward, partition = _forward(emissions, chain, lengths)
    backward = _backward(emissions, chain, lengths, partition)
    return ForwardBackward(
        forward=_pick(forward, path),
        steps=_path_steps(emissions, chain, path, lengths),
        backward=_pick(backward, path),
        marginals=forward + backward,
    )


def span_log_probability(
    scores: ForwardBackward, start: int | np.ndarray, end: int | np.ndarray
) -> np.ndarray | np.floating:
    """The log-probability that the tags from `start` up to `end` are those of the path, summed
    over all other tags (Culotta and McCallum 2004). `scores` has the arrays of one row; `start` and
    `end` may be arrays, for many spans at once."""
    steps = np.cumsum(scores.steps, dtype=np.float64)
    return scores.forward[start] + (steps[end - 1] - steps[start]) + scores.backward[end - 1]


def _forward(
    emissions: Emissions, chain: TransitionScores, lengths: Lengths
) -> tuple[Emissions, RowScores]:
    """The log-sum over all prefixes that end in each tag at each token, and the log-partition."""
    return _run(crf_forward, forward_loop, emissions, *chain, lengths)


def _backward(
    emissions: Emissions, chain: TransitionScores, lengths: Lengths, partition: RowScores
) -> Emissions:
    """The log-sum over all suffixes that follow each tag at each token, less the log-partition."""
    return _run(crf_backward, backward_loop, emissions, *chain, lengths, partition)


def _run(native: Callable[..., Any], loop: Callable[..., Any], *arrays: BatchArray) -> Any:
    """The results of a native kernel, or of the loop that computes the same."""
    return (native if uses_native() else loop)(*map(jnp.asarray, arrays))


def _path_steps(
    emissions: Emissions, chain: TransitionScores, path: Path, lengths: Lengths
) -> PathScores:
    """The emission and the transition that a path scores at each token."""
    transitions = jnp.where(
        positions(lengths, len(path)) > 0,
        chain.transition[jnp.roll(path, 1), path],
        chain.start[path],
    )
    scores = _pick(emissions, path) + transitions
    return jnp.where(is_token(lengths, len(path)), scores, 0)


def _pick(values: Emissions, path: Path) -> PathScores:
    return jnp.take_along_axis(values, path[:, None], axis=1)[:, 0]


def fit_path_temperature(
    sentences: Sequence[Sentence], chain: TransitionScores, chunk: int = 256
) -> float:
    """The temperature at which the paths of these sentences are most probable (Guo et al. 2017).

    All scores are to be divided by it. It is between 0.2 and 5, with a relative tolerance of 2 %.
    """
    from scipy.optimize import minimize_scalar

    by_length = sorted(sentences, key=lambda sentence: len(sentence[1]))
    batches = [_join(by_length[i : i + chunk], chunk) for i in range(0, len(by_length), chunk)]

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


def _join(
    sentences: Sequence[Sentence], rows: int
) -> tuple[Float[np.ndarray, "tokens tags"], Int[np.ndarray, " tokens"], Int[np.ndarray, " rows"]]:
    """A batch of sentences, padded to a power of two so that few shapes are compiled."""
    lengths = np.zeros(rows, np.int32)
    lengths[: len(sentences)] = [len(path) for _, path in sentences]
    count = int(lengths.sum())
    tokens = 1 << (count - 1).bit_length()
    emissions = np.zeros((tokens, sentences[0][0].shape[1]), np.float32)
    path = np.zeros(tokens, np.int32)
    emissions[:count] = np.concatenate([scores for scores, _ in sentences])
    path[:count] = np.concatenate([path for _, path in sentences])
    return emissions, path, lengths
