"""What a caller may ask of writing, and how the rows of a batch say it to the program."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from textrnn.config import Config
from textrnn.errors import InvalidText
from textrnn.tasks.generate.capture import (
    MAX_ALTERNATIVES,
    MAX_CELLS,
    Captured,
    CaptureOptions,
    batch_capture_options,
)
from textrnn.tasks.generate.sampling import SamplingParameters
from textrnn.tasks.generate.state import GenerationState

Stop = Annotated[str, Field(min_length=1, max_length=64)]


class SamplingOptions(Config):
    max_characters: int = Field(default=256, ge=1, le=2**20)
    temperature: float = Field(default=0.8, ge=0, le=10)
    """0: the likeliest character always; 1: the model's own distribution."""
    top_k: int = Field(default=0, ge=0)
    """Of how many of the likeliest characters one is drawn; 0: of all."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Of the fewest characters that are together as probable as this one is drawn."""
    repetition_penalty: float = Field(default=1.0, ge=0.1, le=10)
    """Makes characters that the text has already less likely; 1: does not."""
    seed: int | None = Field(default=None, ge=0, lt=2**32)
    """With equal seeds and options, equal prompts are gone on with equally."""
    stop: tuple[Stop, ...] = Field(default=(), max_length=4)
    """Strings before which the text ends."""
    log_probabilities: bool = False
    """Whether to answer the log-probability of each character."""
    top_log_probabilities: int = Field(default=0, ge=0, le=MAX_ALTERNATIVES)
    """How many of the likeliest characters to answer, for each character, whether it was one of
    them or not."""
    cells: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(), max_length=MAX_CELLS)
    """Cells of the last layer: what they held when the model came to each character."""


def check(options: SamplingOptions, cells: int, symbols: Sequence[str]) -> None:
    """Raises InvalidText for what a model of so many cells, with these symbols or none, does not
    have to show."""
    if max(options.cells, default=0) >= cells:
        raise InvalidText(
            f"there is no cell {max(options.cells)}: the model has {cells}, from 0 on",
            "unknown_cell",
            limit=cells - 1,
        )
    if options.top_log_probabilities and not symbols:
        raise InvalidText(
            "this model writes bytes, and knows of no likeliest characters; ask for "
            "log_probabilities only",
            "no_alternatives",
        )


def sampling(rows: Sequence[SamplingOptions], state: GenerationState) -> SamplingParameters:
    """The options of a batch whose memory is `memory`. Rows past these write nothing."""
    most = len(state.seed)

    def column(values: list[float], kind: type) -> Any:
        return np.array(values + [1] * (most - len(values)), kind)

    return SamplingParameters(
        temperature=column([row.temperature for row in rows], np.float32),
        top_k=column([row.top_k for row in rows], np.int32),
        top_p=column([row.top_p for row in rows], np.float32),
        repetition_penalty=column([row.repetition_penalty for row in rows], np.float32),
        seed=state.seed,
    )


def watch(asking: Sequence[SamplingOptions], count: int) -> CaptureOptions:
    """What the rows of a batch of `count` ask to see."""
    top = [options.top_log_probabilities > 0 for options in asking]
    return batch_capture_options([options.cells for options in asking], top, count)


def shown(seen: Captured, options: SamplingOptions, symbols: Sequence[str]) -> dict[str, Any]:
    """What was asked to be seen, as JSON: each a list with an entry for each character, or one such
    list for each cell. `symbols` names the tokens."""
    found: dict[str, Any] = {}
    if options.log_probabilities:
        found["log_probabilities"] = seen.log_probability.tolist()
    if options.top_log_probabilities:
        found["top_log_probabilities"] = [
            {symbols[token]: likelihood for token, likelihood in zip(*both, strict=True)}
            for both in zip(seen.top_ids.tolist(), seen.top_log_probability.tolist(), strict=True)
        ]
    if options.cells:
        found["activations"] = seen.activation.T.tolist()
    return found
