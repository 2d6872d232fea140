"""Readers of CSV, TSV, JSON lines, Parquet and plain lines.

A reader takes a path and optional column names. It streams, in constant memory; a line that cannot
be read becomes a record with its number and the reason, and the reader continues with the next.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from textrnn.errors import UserError
from textrnn.io.records import Record, encoding_error, numbered_lines

_MAX_CELL_CHARACTERS = 16 * 2**20
csv.field_size_limit(_MAX_CELL_CHARACTERS)


def read_lines(path: Path, columns: Sequence[str] = ()) -> Iterator[Record]:
    """Plain lines, as the field `text`."""
    for number, line in numbered_lines(path):
        text = line.removesuffix("\n").removesuffix("\r")
        yield Record(number, {"text": text}, encoding_error(text))


def read_jsonl(path: Path, columns: Sequence[str] = ()) -> Iterator[Record]:
    """JSON lines: one object per line. Blank lines are skipped."""
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        error = encoding_error(line)
        row: Any = None
        if not error:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as reason:
                error = f"is not JSON: {reason}"
            else:
                if not isinstance(row, dict):
                    error = f"is not a JSON object but {type(row).__name__}"
        yield Record(number, {} if error else row, error)


Cells = tuple[int, list[str], str | None]


def read_csv(path: Path, columns: Sequence[str] = ()) -> Iterator[Record]:
    """Comma-separated values. Without `columns` the first line names the columns."""
    return _table(path, _csv_cells(path), columns)


def read_tsv(path: Path, columns: Sequence[str] = ()) -> Iterator[Record]:
    """Tab-separated values without quoting. Without `columns` the first line names the columns."""
    return _table(path, _tsv_cells(path), columns)


def _csv_cells(path: Path) -> Iterator[Cells]:
    reader = csv.reader((line for _, line in numbered_lines(path)), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, [], f"is not CSV: {error}"
            continue
        if cells:
            yield number, cells, None


def _tsv_cells(path: Path) -> Iterator[Cells]:
    for number, line in numbered_lines(path):
        line = line.removesuffix("\n").removesuffix("\r")
        if line:
            yield number, line.split("\t"), None


def _table(path: Path, rows: Iterable[Cells], columns: Sequence[str]) -> Iterator[Record]:
    header = list(columns)
    for number, cells, error in rows:
        if not header:
            error = error or encoding_error("".join(cells))
            if error:
                raise UserError(f"{path}:{number}: the header line {error}")
            header = cells
            duplicates = sorted({name for name in header if header.count(name) > 1})
            if duplicates:
                raise UserError(f"{path}:{number}: the header names {duplicates} more than once")
            continue
        if not error:
            error = next(filter(None, map(encoding_error, cells)), None)
        if not error and len(cells) != len(header):
            error = f"has {len(cells)} columns, expected {len(header)}: {', '.join(header)}"
        yield Record(number, {} if error else dict(zip(header, cells, strict=True)), error)


def read_parquet(path: Path, columns: Sequence[str] = ()) -> Iterator[Record]:
    """Parquet, whose values keep their types."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path)
        number = 0
        for batch in table.iter_batches(batch_size=4096):
            for row in batch.to_pylist():
                number += 1
                yield Record(number, row)
    except pyarrow.ArrowException as error:
        raise UserError(f"{path}: is not a readable Parquet file: {error}") from None
