"""The training and development rows of a recipe, in memory."""

import sys
from collections.abc import Callable, Mapping, Sequence

from textrnn.rows import Row, text_of
from textrnn.tasks import TASKS, StreamTask
from training.findings import NO_ROWS, Findings
from training.recipe import Data
from training.sources import Located, cut_by_position, read_source
from training.splits import in_dev

_HELDOUT = 0.1
"""The fraction of the training data that is held out if a recipe has no development set."""
Check = Callable[[Row], object]
"""Raises UserError for a row that cannot be used."""


def load_sets(
    data: Data, task: str, findings: Findings, check: Check = lambda _: None
) -> dict[str, list[Located]]:
    """The rows by set: `train`, and each development set.

    Rows that cannot be used, and sets without rows, are added to `findings`. Raises UserError if a
    source cannot be read.
    """
    train = [row for source in data.train for row in read_source(source, task, findings, check)]
    if data.dev:
        sets = {"train": train, **_load_dev(data, task, findings, check)}
    elif issubclass(TASKS[task], StreamTask):
        sets = {
            "train": cut_by_position(train, 0, 1 - _HELDOUT),
            "heldout": cut_by_position(train, 1 - _HELDOUT, 1),
        }
    else:
        sets = _held_out(train)
    _check_not_empty(sets, findings)
    return sets


def _held_out(rows: Sequence[Located]) -> dict[str, list[Located]]:
    """A tenth of the rows for development, by their text. A label that would have no training row
    keeps all of its rows for training."""
    sets: dict[str, list[Located]] = {"train": [], "heldout": []}
    sides = [in_dev(text_of(located.row), _HELDOUT) for located in rows]
    learnt = {
        label
        for located, heldout in zip(rows, sides, strict=True)
        if not heldout
        for label in _labels(located.row)
    }
    for located, heldout in zip(rows, sides, strict=True):
        heldout = heldout and learnt.issuperset(_labels(located.row))
        sets["heldout" if heldout else "train"].append(located)
    return sets


def _labels(row: Row) -> Sequence[str]:
    return row.get("labels", [row["label"]] if "label" in row else [])


def load_dev_rows(data: Data, task: str, check: Check = lambda _: None) -> dict[str, list[Row]]:
    """The development rows by set.

    Rows that are left out, and tags that are repaired, are reported on standard error. Raises
    UserError, with file and line, for a row that cannot be used, also if `check` raises it.
    """
    findings = Findings()
    if data.dev:
        sets = _load_dev(data, task, findings, check)
        _check_not_empty(sets, findings)
    else:
        sets = load_sets(data, task, findings)
        del sets["train"]
    findings.refuse()
    for finding in findings.all():
        print(f"{finding.examples[0].place}: {finding.line}", file=sys.stderr)
    return {name: rows_of(located) for name, located in sets.items()}


def rows_of(located: Sequence[Located]) -> list[Row]:
    """The rows, each as often as it occurs in an epoch."""
    return [each.row for each in located for _ in range(each.repeat)]


def _load_dev(data: Data, task: str, findings: Findings, check: Check) -> dict[str, list[Located]]:
    return {
        name: [row for source in sources for row in read_source(source, task, findings, check)]
        for name, sources in data.dev.items()
    }


def _check_not_empty(sets: Mapping[str, Sequence[Located]], findings: Findings) -> None:
    for name, rows in sets.items():
        if not rows:
            findings.add(NO_ROWS, "data", f"{name!r} has no rows")
