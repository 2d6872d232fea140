"""The names of the columns of an output, from all rows of all of its inputs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textrnn.errors import UserError
from textrnn.io.formats import RecordReader
from textrnn.io.lines import is_stream
from textrnn.io.records import Record
from textrnn.io.writers import Layout

MAX_COLUMNS = 10_000


def columns_of(inputs: Sequence[RecordReader], added: Sequence[str]) -> Layout:
    """The names of the columns, in order: those of all inputs, and those that are added."""
    names: dict[str, None] = {}
    for reader in inputs:
        known = reader.columns()
        if known is not None:
            names |= dict.fromkeys(known)
        else:
            for record in all_rows(reader):
                names |= dict.fromkeys(record.fields)
                check_number(reader, names)
    return Layout([*(name for name in names if name not in added), *added])


def all_rows(reader: RecordReader) -> Iterator[Record]:
    """The rows of an input that is read again afterwards. Raises UserError for a stream."""
    if is_stream(reader.path):
        raise UserError(
            f"{reader.path}: the columns of a table are not known before all rows are read, and a "
            "stream is read only once; write JSON lines, or save the input as a file"
        )
    return iter(reader)


def check_number(reader: RecordReader, names: Mapping[str, Any]) -> None:
    """Raises UserError if there are too many columns."""
    if len(names) > MAX_COLUMNS:
        raise UserError(
            f"{reader.path}: the rows have more than {MAX_COLUMNS:,} different fields, "
            "which are too many for the columns of a table; write JSON lines"
        )
