"""What a caller may ask of a search, and how the rows of a batch say it to the program."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from textrnn.batching import Shape
from textrnn.config import Config
from textrnn.tasks.translate.beam_search import BeamParameters

_PREFIX = "search_"


class BeamSearchOptions(Config):
    beam_size: PositiveInt | None = None
    """Hypotheses that are followed; 1 is greedy."""
    length_penalty: float | None = Field(default=None, ge=0, le=5)
    """The power of the length that scores are divided by before they are compared."""
    min_length: int = Field(default=0, ge=0)
    """Tokens of a sentence's answer, at least."""
    max_length: PositiveInt | None = None
    """And at most; if not given, somewhat more than twice the source's."""
    no_repeat_ngram: int = Field(default=0, ge=0)
    """No sequence of so many tokens comes twice in a sentence; 0: any may."""
    repetition_penalty: PositiveFloat = 1.0
    """Makes tokens that a sentence has already less likely; 1: does not."""


class BeamRequest(NamedTuple):
    """A row's search, with the defaults filled in."""

    beam: int
    length_penalty: float
    tokens: int
    """Of the source."""
    options: BeamSearchOptions


def room(tokens: int) -> int:
    """Tokens of the longest answer to so many."""
    return 2 * tokens + 8


def arrays(rows: Sequence[BeamRequest], shape: Shape) -> dict[str, np.ndarray]:
    """The settings of a batch. Rows past these are not searched."""
    most = room(shape.length)
    wanted = [min(row.options.max_length or room(row.tokens), most) for row in rows]
    given = {
        "beam": [row.beam for row in rows],
        "length_penalty": [row.length_penalty for row in rows],
        "min_length": [min(r.options.min_length, m) for r, m in zip(rows, wanted, strict=True)],
        "max_length": wanted,
        "no_repeat_ngram": [row.options.no_repeat_ngram for row in rows],
        "repetition_penalty": [row.options.repetition_penalty for row in rows],
    }
    kinds = {"length_penalty": np.float32, "repetition_penalty": np.float32}
    batch = {}
    for name, values in given.items():
        empty = 1 if name == "repetition_penalty" else 0
        batch[_PREFIX + name] = np.full(shape.rows, empty, kinds.get(name, np.int32))
        batch[_PREFIX + name][: len(rows)] = values
    # The width of a program is a shape, and shapes are all that a compiler knows of a batch.
    return batch | {_PREFIX + "places": np.zeros(shape.width, bool)}


def settings(batch: dict[str, np.ndarray]) -> tuple[BeamParameters, int]:
    """What `arrays` said, and the width of the program."""
    values = (jnp.asarray(batch[_PREFIX + name]) for name in BeamParameters._fields)
    return BeamParameters(*values), len(batch[_PREFIX + "places"])
