"""The training and development rows of a recipe, in memory."""

from collections.abc import Callable, Mapping, Sequence

from textrnn.errors import UserError
from textrnn.rows import Row, text_of
from textrnn.tasks import TASKS, StreamTask
from training.recipe import Data
from training.sources import read_source
from training.splits import by_position, in_dev

_HELDOUT = 0.1
"""The fraction of the training data that is held out if a recipe has no development set."""


def load_rows(data: Data, task: str) -> tuple[list[Row], dict[str, list[Row]]]:
    """The training rows, and the development rows by set. Raises UserError."""
    train = [row for source in data.train for row in read_source(source, task)]
    _check_not_empty({"train": train})
    if data.dev:
        return train, load_dev_rows(data, task)
    if issubclass(TASKS[task], StreamTask):
        heldout = by_position(train, 1 - _HELDOUT, 1)
        train = by_position(train, 0, 1 - _HELDOUT)
    else:
        held = [in_dev(text_of(row), _HELDOUT) for row in train]
        heldout = [row for row, out in zip(train, held, strict=True) if out]
        train = [row for row, out in zip(train, held, strict=True) if not out]
    dev = {"heldout": heldout}
    _check_not_empty({"train": train, **dev})
    return train, dev


def load_dev_rows(
    data: Data, task: str, check: Callable[[Row], object] = lambda _: None
) -> dict[str, list[Row]]:
    """The development rows by set.

    Raises UserError; errors that `check` raises for a row are reported with file and line.
    """
    if not data.dev:
        return load_rows(data, task)[1]
    dev = {
        name: [row for source in sources for row in read_source(source, task, check)]
        for name, sources in data.dev.items()
    }
    _check_not_empty(dev)
    return dev


def _check_not_empty(sets: Mapping[str, Sequence[Row]]) -> None:
    for name, rows in sets.items():
        if not rows:
            raise UserError(f"data: {name!r} has no rows")
