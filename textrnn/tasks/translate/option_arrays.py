"""The search of a batch as arrays, so that new values need no new program."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int

from textrnn.batching import Shape
from textrnn.tasks.translate.beam_search import BeamParameters
from textrnn.tasks.translate.constraints import Constraints
from textrnn.tasks.translate.options import TranslateOptions
from textrnn.tasks.translate.repetition import DISTANCE, Penalties, longest_repetitions
from textrnn.tasks.translate.terms import PHRASE_TOKENS, PHRASES
from textrnn.text.tokenizer import UNK

_PREFIX = "search_"


@dataclass(frozen=True)
class BeamRequest:
    """The search of one row, with the model's defaults filled in."""

    ids: Int[np.ndarray, " source"]
    beam: int
    length_penalty: float
    options: TranslateOptions
    phrases: Sequence[Int[np.ndarray, " tokens"]] = ()
    """What its output has to contain."""
    forced: Int[np.ndarray, " steps"] | None = None
    """Its output, if it is given, with EOS."""

    @property
    def copies(self) -> int:
        """UNK in its output."""
        given = self.ids if self.forced is None else self.forced
        return int((given == UNK).sum())

    @property
    def owed(self) -> int:
        """Tokens that its output has at least."""
        return sum(map(len, self.phrases)) + self.copies

    def max_length(self, limit: int) -> int:
        if self.forced is not None:
            return min(len(self.forced) - 1, limit)
        natural = max_output_tokens(len(self.ids)) + sum(map(len, self.phrases))
        return min(max(self.options.max_length or natural, self.owed), limit)


def max_output_tokens(source_tokens: int) -> int:
    """Length of the longest translation of a source of `source_tokens`, without what a glossary
    adds."""
    return 2 * source_tokens + 8


def beam_arrays(
    rows: Sequence[BeamRequest],
    shape: Shape,
    longest_source: int,
    continues_word: Bool[np.ndarray, " ids"],
    folded: Int[np.ndarray, " ids"],
) -> dict[str, np.ndarray]:
    """Batch entries for the beam search of `rows`. Padding rows get a beam of 0."""
    limit = max_output_tokens(longest_source)
    longest = [row.max_length(limit) for row in rows]
    columns: dict[str, list[Any]] = {
        "beam": [row.beam for row in rows],
        "length_penalty": [row.length_penalty for row in rows],
        "min_length": [
            m if row.forced is not None else min(row.options.min_length, m)
            for row, m in zip(rows, longest, strict=True)
        ],
        "max_length": longest,
        "no_repeat_ngram": [row.options.no_repeat_ngram for row in rows],
        "repetition_penalty": [row.options.repetition_penalty for row in rows],
        "copies": [row.copies for row in rows],
    }
    dtypes = {"length_penalty": np.float32, "repetition_penalty": np.float32}
    batch = {}
    for name, values in columns.items():
        padding = 1 if name == "repetition_penalty" else 0
        batch[_PREFIX + name] = np.full(shape.rows, padding, dtypes.get(name, np.int32))
        batch[_PREFIX + name][: len(rows)] = values
    repetitions = np.zeros((shape.rows, DISTANCE), np.int32)
    phrases = np.zeros((shape.rows, PHRASES, PHRASE_TOKENS), np.int32)
    forced = np.zeros((shape.rows, limit + 1), np.int32)
    for index, row in enumerate(rows):
        repetitions[index] = longest_repetitions(folded[row.ids])
        for number, phrase in enumerate(row.phrases):
            phrases[index, number, : len(phrase)] = phrase
        if row.forced is not None:
            forced[index, : len(row.forced)] = row.forced
    grids = {"repetitions": repetitions, "phrases": phrases, "forced": forced}
    batch |= {_PREFIX + name: grid for name, grid in grids.items()}
    # The compiler sees the shapes of a batch only: the width travels as the length of an array.
    places = np.zeros(shape.width, bool)
    of_ids = {"continues_word": continues_word, "folded": folded, "places": places}
    return batch | {_PREFIX + name: values for name, values in of_ids.items()}


def beam_parameters(batch: dict[str, np.ndarray]) -> tuple[BeamParameters, int]:
    """The parameters that `beam_arrays` put into a batch, and the width of its program."""

    def made(kind: type, **parts: Any) -> Any:
        names = [name for name in kind._fields if name not in parts]
        return kind(**{name: jnp.asarray(batch[_PREFIX + name]) for name in names}, **parts)

    parts = {"penalties": made(Penalties), "constraints": made(Constraints)}
    return made(BeamParameters, **parts), len(batch[_PREFIX + "places"])
