"""A small random model to search, and the parameters and results of a search."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from textrnn.layers.masking import MASKED
from textrnn.layers.ragged import to_grid
from textrnn.tasks.translate.beam_search import BeamParameters, search
from textrnn.tasks.translate.constraints import Constraints
from textrnn.tasks.translate.next_tokens import FactoredLogits
from textrnn.tasks.translate.repetition import DISTANCE, Penalties

IDS, HIDDEN, MAX_LENGTH = 6, 4, 7
CONTINUES = [False] * 5 + [True]
"""Token 5 continues a word."""


def problem(rows, seed=0):
    """A small recurrent model, for many hypotheses in JAX and for one in numpy."""
    draw = np.random.default_rng(seed)
    recurrent = draw.normal(size=(HIDDEN, HIDDEN)).astype(np.float32)
    table = draw.normal(size=(IDS, HIDDEN)).astype(np.float32)
    output = 2 * draw.normal(size=(HIDDEN, IDS)).astype(np.float32)

    def step(h, token):
        h = np.tanh(h @ recurrent + table[token])
        return h, h @ output

    carry = draw.normal(size=(rows, HIDDEN)).astype(np.float32)
    return step, (recurrent, table, output), carry


def many(weights, width, h, token, counts, copies):
    recurrent, table, output = weights
    h = jnp.tanh(h @ recurrent + table[token])
    logits = FactoredLogits(h, output.T, jnp.zeros(IDS), jnp.zeros((len(h), 4)))
    return h, logits, to_grid(h, counts, width)


@partial(jax.jit, static_argnums=3)  # weights are arguments, so that all problems share a program
def run(weights, carry, parameters, width):
    return search(partial(many, weights, width), carry, parameters, width, MAX_LENGTH)


def beam_parameters(rows, folded=tuple(range(IDS)), **given):
    values = {
        "beam": 1, "length_penalty": 0.0, "min_length": 0, "max_length": MAX_LENGTH,
        "no_repeat_ngram": 0, "repetition_penalty": 1.0, "copies": 0,
        "repetitions": np.full((rows, DISTANCE), MAX_LENGTH),
        "phrases": np.zeros((rows, 1, 1)), "forced": np.zeros((rows, MAX_LENGTH + 1)),
    } | given  # fmt: skip

    def of(kind, **more):
        return kind(**more, **{
            name: np.broadcast_to(
                np.asarray(values[name], np.float32 if "penalty" in name else np.int32),
                (rows, *np.shape(values[name])[1:]),
            )
            for name in kind._fields if name in values
        })  # fmt: skip

    constraints = of(Constraints, continues_word=np.array(CONTINUES))
    shared = {"constraints": constraints, "folded": np.array(folded, np.int32)}
    return of(BeamParameters, penalties=of(Penalties), **shared)


def read(result, row):
    """(tokens, log-probability, trace) of each hypothesis of a row."""
    result, trace = result
    hypotheses = []
    for k in np.flatnonzero(result.log_probabilities[row] > MASKED):
        length = int(result.lengths[row, k])
        steps = np.arange(length + 1)
        tokens = np.asarray(result.tokens[row, k])
        assert not tokens[length:].any()
        hypotheses.append((
            tokens[:length].tolist(),
            float(result.log_probabilities[row, k]),
            np.asarray(trace)[row, steps, np.asarray(result.slots[row, k, steps])],
        ))  # fmt: skip
    return hypotheses


def row_of(parameters, row):
    """The parameters of one row, as those of a batch."""
    alone = jax.tree.map(lambda values: values[row : row + 1], parameters)
    constraints = alone.constraints._replace(continues_word=np.array(CONTINUES))
    return alone._replace(constraints=constraints, folded=parameters.folded)
