"""Readers of CSV, TSV, JSON lines and plain lines.

A reader takes the lines of a file. It streams, in constant memory; a line that cannot be read
becomes a record with its number and the reason, and the reader continues with the next.
"""

import csv
import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from textrnn.errors import UserError
from textrnn.io.lines import Line, Lines, encoding_error
from textrnn.io.records import Record, TableOptions

MAX_ROW_LINES = 1_000
"""Lines of the longest row of a CSV file. A quote that is not closed within them is an error."""
MAX_ROW_CHARACTERS = 2**24
csv.field_size_limit(MAX_ROW_CHARACTERS)


def read_lines(lines: Lines, options: TableOptions) -> Iterator[Record]:
    """Plain lines, as the field `text`."""
    lines.columns = ["text"]
    for number, line, error in lines:
        yield Record(number, {"text": line.removesuffix("\n").removesuffix("\r")}, error)


def read_jsonl(lines: Lines, options: TableOptions) -> Iterator[Record]:
    """JSON lines: one object per line. Blank lines are skipped.

    Raises UserError for a file that is a JSON array as a whole.
    """
    first = True
    for number, line, error in lines:
        start = line.lstrip()
        if not start and not error:
            lines.skip()
            continue
        if first and start.startswith("["):
            raise UserError(
                f"{lines.path}:{number}: begins with '[', as one JSON array does, and not with one "
                f"object per line; convert it with `jq -c '.[]' {lines.path}`"
            )
        first = False
        row: Any = {}
        if not error:
            try:
                row = json.loads(line, object_pairs_hook=_unique)
            except (ValueError, RecursionError) as reason:
                error = f"is not JSON: {reason}"
            else:
                if not isinstance(row, dict):
                    error = f"is not a JSON object but {type(row).__name__}"
        yield Record(number, {} if error else row, error)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"has {next(n for n in names if names.count(n) > 1)!r} more than once")
    return fields


class _Cells(NamedTuple):
    """A row of a table."""

    line: int
    lines: int
    cells: list[str]
    error: str | None


def read_csv(lines: Lines, options: TableOptions) -> Iterator[Record]:
    """Comma-separated values. Without names of columns, the first line has them."""
    return _table(lines, _csv_rows(lines, options), options)


def read_tsv(lines: Lines, options: TableOptions) -> Iterator[Record]:
    """Tab-separated values without quoting. Without names of columns, the first line has them."""
    return _table(lines, _tsv_rows(lines), replace(options, delimiter="\t"))


def _tsv_rows(lines: Lines) -> Iterator[_Cells]:
    for number, line, error in lines:
        text = line.removesuffix("\n").removesuffix("\r")
        yield _Cells(number, 1, text.split("\t") if text else [], error)


class _RowTooLong(Exception):
    pass


class _RowLines:
    """The lines of a file one by one, for a parser that takes as many as a row needs."""

    def __init__(self, lines: Iterable[Line]):
        self._lines = iter(lines)
        self._again: deque[Line] = deque()
        self._characters = 0
        self.taken: list[Line] = []
        """The lines of the current row."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) == MAX_ROW_LINES or self._characters > MAX_ROW_CHARACTERS:
            raise _RowTooLong
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        self._characters += len(line.text)
        return line.text

    def start_row(self) -> None:
        self.taken, self._characters = [], 0

    def return_all_but_first(self) -> None:
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _csv_rows(lines: Lines, options: TableOptions) -> Iterator[_Cells]:
    """A row that cannot be parsed is an error of its first line, and the next line begins the next
    row: a quote that is never closed takes no other rows with it."""
    source = _RowLines(lines)
    parser = csv.reader(
        source, strict=True, delimiter=options.delimiter or ",", escapechar=options.escape
    )
    while True:
        source.start_row()
        cells: list[str] = []
        error = None
        try:
            cells = next(parser)
        except StopIteration:
            return
        except (csv.Error, _RowTooLong) as reason:
            error = _csv_error(reason, source.taken, options)
            source.return_all_but_first()
        errors = (line.error for line in source.taken)
        error = next(filter(None, errors), error)
        yield _Cells(source.taken[0].number, len(source.taken), cells, error)


def _csv_error(reason: Exception, taken: list[Line], options: TableOptions) -> str:
    if isinstance(reason, _RowTooLong):
        error = f"opens a quote that is not closed within {len(taken):,} lines"
    elif str(reason) == "unexpected end of data":
        error = "opens a quote that is not closed before the end of the file"
    elif len(taken) > 1:
        error = f"opens a quote, and line {taken[-1].number} is not CSV: {reason}"
    else:
        error = f"is not CSV: {reason}"
    if options.escape is None and '\\"' in taken[0].text:
        error += r"; if quotes are escaped by backslashes, pass --escape '\'"
    return error


def _table(lines: Lines, rows: Iterable[_Cells], options: TableOptions) -> Iterator[Record]:
    header = list(options.columns)
    lines.columns = header or None
    for number, count, cells, error in rows:
        if not cells and not error:
            lines.skip(count)  # blank
        elif not header:
            header = lines.columns = _header(f"{lines.path}:{number}", cells, error, options)
            lines.skip(count)
        else:
            if not error and len(cells) != len(header):
                error = f"has {len(cells)} columns, expected {len(header)}: {', '.join(header)}"
            fields = {} if error else dict(zip(header, cells, strict=True))
            yield Record(number, fields, error, (number, number + count - 1))
    if not header:
        raise UserError(f"{lines.path}: has no header line, which names the columns")


def _header(place: str, cells: list[str], error: str | None, options: TableOptions) -> list[str]:
    error = error or encoding_error("".join(cells))
    if error:
        raise UserError(f"{place}: the header line {error}")
    duplicates = sorted({name for name in cells if cells.count(name) > 1})
    if duplicates:
        raise UserError(f"{place}: the header names {duplicates} more than once")
    separators = [sign for sign in ";|\t" if sign in cells[0]]
    if len(cells) == 1 and separators and options.delimiter is None:
        raise UserError(
            f"{place}: the header has one column, {cells[0]!r}; if the columns are separated by "
            f"{separators[0]!r}, pass --delimiter {separators[0]!r}, and if not, --delimiter ','"
        )
    return cells
