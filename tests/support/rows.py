"""The rows that training reads."""

from textrnn.rows import Row
from training.datasets import load_sets, rows_of
from training.findings import Findings
from training.recipe import Data, Source
from training.sources import read_source


def source_rows(source: Source, task: str) -> list[Row]:
    """The rows of a source. Raises UserError if one is refused."""
    findings = Findings()
    located = list(read_source(source, task, findings))
    findings.refuse()
    return rows_of(located)


def load_rows(data: Data, task: str) -> tuple[list[Row], dict[str, list[Row]]]:
    """The training rows, and the development rows by set. Raises UserError if one is refused."""
    findings = Findings()
    sets = {name: rows_of(rows) for name, rows in load_sets(data, task, findings).items()}
    findings.refuse()
    return sets.pop("train"), sets
