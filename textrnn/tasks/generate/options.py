"""Generation options: length, sampling parameters, stop strings and what to return."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, PositiveInt

from textrnn.errors import InvalidText
from textrnn.tasks.generate.capture import MAX_ALTERNATIVES, MAX_CELLS
from textrnn.tasks.options import LibraryOnly, Options

StopString = Annotated[str, Field(min_length=1, max_length=64)]
MAX_STOP_STRINGS = 4


class GenerateOptions(Options):
    max_characters: int = Field(default=256, ge=1, le=2**20)
    """Maximum number of characters to generate."""
    temperature: float = Field(default=0.8, ge=0, le=10)
    """Sampling temperature. 0 always takes the most likely character; 1 samples from the model's
    own distribution."""
    top_k: int = Field(default=0, ge=0)
    """Sample from the k most likely characters only. By default all characters are kept."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus sampling: sample from the smallest set of characters whose total probability reaches
    this value. 1 keeps all characters."""
    repetition_penalty: float = Field(default=1.0, ge=0.1, le=10)
    """Penalty for characters that the text already contains. 1 means no penalty."""
    seed: int | None = Field(default=None, ge=0, lt=2**32)
    """Seed of the random number generator. The same seed, prompt and options give the same text.
    A random seed is used if not set."""
    stop: tuple[StopString, ...] = Field(default=(), max_length=MAX_STOP_STRINGS)
    """Strings that end the text. The text ends before the first of them."""
    log_probabilities: bool = False
    """Return the log-probability of each character, under the model's own distribution."""
    top_log_probabilities: int = Field(default=0, ge=0, le=MAX_ALTERNATIVES)
    """Number of most likely characters to return at each position, with their
    log-probabilities."""
    cells: tuple[Annotated[int, Field(ge=0, lt=65_536)], ...] = Field(
        default=(), max_length=MAX_CELLS
    )
    """Indices of cells in the last layer whose activations to return, one value for each
    character."""
    return_state: bool = False
    """Return the model's state after the text. A later request can continue from it."""
    echo: bool = False
    """Also return log-probabilities and activations for the characters of the prompt."""
    window: LibraryOnly[PositiveInt | None] = None
    """When scoring a text, reset the state after this number of tokens."""


def check(options: GenerateOptions, cells: int, symbols: Sequence[str]) -> None:
    """Raises InvalidText if a model cannot return what the options request.

    `cells` is the size of its last layer; `symbols` are its characters, empty for a byte model.
    """
    if max(options.cells, default=0) >= cells:
        raise InvalidText(
            f"there is no cell {max(options.cells)}: the model has {cells} cells, counted from 0",
            "unknown_cell",
            limit=cells - 1,
        )
    if options.top_log_probabilities and not symbols:
        raise InvalidText(
            "top_log_probabilities is not available: this model generates bytes, not characters; "
            "use log_probabilities",
            "no_alternatives",
        )
