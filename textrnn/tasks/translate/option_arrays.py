"""The beam search options of a batch as arrays, so that new values need no new program."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from textrnn.batching import Shape
from textrnn.tasks.translate.beam_search import BeamParameters
from textrnn.tasks.translate.options import TranslateOptions

_PREFIX = "search_"


class BeamRequest(NamedTuple):
    """The search of one row, with the model's defaults filled in."""

    beam: int
    length_penalty: float
    tokens: int
    """Length of the source."""
    options: TranslateOptions


def max_output_tokens(source_tokens: int) -> int:
    """Length of the longest translation of a source of `source_tokens`."""
    return 2 * source_tokens + 8


def beam_arrays(
    rows: Sequence[BeamRequest], shape: Shape, longest_source: int
) -> dict[str, np.ndarray]:
    """Batch entries for the beam search of `rows`. Padding rows get a beam of 0."""
    limit = max_output_tokens(longest_source)
    longest = [min(r.options.max_length or max_output_tokens(r.tokens), limit) for r in rows]
    columns = {
        "beam": [row.beam for row in rows],
        "length_penalty": [row.length_penalty for row in rows],
        "min_length": [min(r.options.min_length, m) for r, m in zip(rows, longest, strict=True)],
        "max_length": longest,
        "no_repeat_ngram": [row.options.no_repeat_ngram for row in rows],
        "repetition_penalty": [row.options.repetition_penalty for row in rows],
    }
    dtypes = {"length_penalty": np.float32, "repetition_penalty": np.float32}
    batch = {}
    for name, values in columns.items():
        padding = 1 if name == "repetition_penalty" else 0
        batch[_PREFIX + name] = np.full(shape.rows, padding, dtypes.get(name, np.int32))
        batch[_PREFIX + name][: len(rows)] = values
    # The compiler sees the shapes of a batch only: the width travels as the length of an array.
    return batch | {_PREFIX + "places": np.zeros(shape.width, bool)}


def beam_parameters(batch: dict[str, np.ndarray]) -> tuple[BeamParameters, int]:
    """The parameters that `beam_arrays` put into a batch, and the width of its program."""
    values = (jnp.asarray(batch[_PREFIX + name]) for name in BeamParameters._fields)
    return BeamParameters(*values), len(batch[_PREFIX + "places"])
