"""What a caller may ask of writing, and how the rows of a batch say it to the program."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from textrnn.config import Config
from textrnn.memory import Memory
from textrnn.sampling import Sampling

Stop = Annotated[str, Field(min_length=1, max_length=64)]


class WritingOptions(Config):
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


def sampling(rows: Sequence[WritingOptions], memory: Memory) -> Sampling:
    """The options of a batch whose memory is `memory`. Rows past these write nothing."""
    most = len(memory.seed)

    def column(values: list[float], kind: type) -> Any:
        return np.array(values + [1] * (most - len(values)), kind)

    return Sampling(
        temperature=column([row.temperature for row in rows], np.float32),
        top_k=column([row.top_k for row in rows], np.int32),
        top_p=column([row.top_p for row in rows], np.float32),
        repetition_penalty=column([row.repetition_penalty for row in rows], np.float32),
        seed=memory.seed,
    )
