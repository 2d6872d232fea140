"""Writers of CSV, TSV, JSON lines, Parquet and CoNLL, chunk by chunk, resumable after a crash.

A writer encodes rows as bytes that are appended to a spool. For text formats the spool is the file
itself. A Parquet file cannot be appended to: its spool is a sequence of Arrow streams, and one pass
at the end converts it.
"""

import base64
import csv
import gzip
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.io.conll import write_columns
from textrnn.rows import Row


@dataclass(frozen=True)
class Layout:
    """The properties of a file that its first rows determine."""

    columns: list[str]
    types: str = ""
    """For Parquet: the serialised Arrow schema, in base64."""


class Unwritable(Exception):
    """A row that cannot be written in the format, with the reason."""


class RowWriter(ABC):
    """Writes the rows of one file, all of which have the columns of the first rows."""

    def __init__(self, layout: Layout, compressed: bool):
        self.columns = layout.columns
        self.compressed = compressed

    @classmethod
    def layout(cls, first: Sequence[Row]) -> Layout:
        """The layout of a file whose first rows are `first`."""
        return Layout(_columns(first))

    def head(self) -> bytes:
        """The bytes before the first row."""
        return b""

    @abstractmethod
    def encode(self, rows: Sequence[Row]) -> tuple[bytes, dict[int, str]]:
        """The bytes of the rows, and the index of each row that cannot be written with the
        reason."""

    def finish(self, spool: Path) -> None:
        """Convert the spool, in place, to the final file."""
        return None

    def _same_columns(self, row: Row) -> None:
        extra = sorted(set(row) - set(self.columns))
        if extra:
            raise Unwritable(f"has the columns {extra}, which the first rows lack")


class TextRowWriter(RowWriter):
    """Writes each row as text, independent of the others."""

    @abstractmethod
    def line(self, row: Row) -> str:
        """The text of one row, with its line end. Raises Unwritable."""

    def encode(self, rows):
        lines, errors = [], {}
        for index, row in enumerate(rows):
            try:
                lines.append(self.line(row).encode())
            except Unwritable as error:
                errors[index] = str(error)
            except UnicodeEncodeError:
                errors[index] = "contains an unpaired surrogate, which is not well-formed Unicode"
        return self._pack(b"".join(lines)), errors

    def _pack(self, data: bytes) -> bytes:
        # Gzip members may be concatenated; without a time stamp equal rows give equal bytes.
        return gzip.compress(data, mtime=0) if self.compressed and data else data


class JsonLinesWriter(TextRowWriter):
    def line(self, row):
        return json.dumps(row, ensure_ascii=False, default=str) + "\n"


class CsvWriter(TextRowWriter):
    def head(self):
        return self._pack(self._write(self.columns).encode())

    def line(self, row):
        self._same_columns(row)
        return self._write([_cell(row.get(name)) for name in self.columns])

    def _write(self, cells: Sequence[str]) -> str:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerow(cells)
        return out.getvalue()


class TsvWriter(TextRowWriter):
    def head(self):
        return self._pack(("\t".join(self.columns) + "\n").encode())

    def line(self, row):
        self._same_columns(row)
        cells = [_cell(row.get(name)) for name in self.columns]
        for name, cell in zip(self.columns, cells, strict=True):
            if "\t" in cell or "\n" in cell or "\r" in cell:
                raise Unwritable(
                    f"{name!r} contains a tab or a line break, which TSV cannot represent; use CSV"
                )
        return "\t".join(cells) + "\n"


class ConllWriter(TextRowWriter):
    """Sentences in columns: the token, the gold tag if the row has one, the predicted tag."""

    def line(self, row):
        tokens, predicted = row.get("predicted_tokens"), row.get("predicted_tags")
        if tokens is None or predicted is None:
            raise Unwritable("has no predicted tags; only taggers write .conll")
        gold = row.get("tags")
        same_length = gold is not None and len(gold) == len(predicted)
        columns = [gold, predicted] if same_length else [predicted]
        try:
            return write_columns(tokens, *columns)
        except ValueError as error:
            raise Unwritable(str(error)) from None


class ParquetWriter(RowWriter):
    def __init__(self, layout: Layout, compressed: bool = False):
        import pyarrow

        super().__init__(layout, compressed)

        buffer = pyarrow.py_buffer(base64.b64decode(layout.types))
        self._schema = pyarrow.ipc.read_schema(buffer)

    @classmethod
    def layout(cls, first: Sequence[Row]) -> Layout:
        import pyarrow

        columns = _columns(first)
        fields = [(name, _arrow_type([row.get(name) for row in first])) for name in columns]
        types = base64.b64encode(pyarrow.schema(fields).serialize()).decode()
        return Layout(columns, types)

    def encode(self, rows):
        import pyarrow

        errors: dict[int, str] = {}
        try:
            for row in rows:
                self._same_columns(row)
            table = pyarrow.Table.from_pylist(list(rows), schema=self._schema)
        except (Unwritable, pyarrow.ArrowException, UnicodeEncodeError):
            table, errors = self._one_by_one(rows)
        out = io.BytesIO()
        with pyarrow.ipc.new_stream(out, self._schema) as stream:
            stream.write_table(table)
        return out.getvalue(), errors

    def _one_by_one(self, rows):
        import pyarrow

        tables, errors = [self._schema.empty_table()], {}
        for index, row in enumerate(rows):
            try:
                self._same_columns(row)
                tables.append(pyarrow.Table.from_pylist([row], schema=self._schema))
            except (Unwritable, pyarrow.ArrowException, UnicodeEncodeError) as error:
                errors[index] = f"does not fit the columns of the first rows: {error}"
        return pyarrow.concat_tables(tables), errors

    def finish(self, spool):
        import pyarrow
        import pyarrow.parquet

        final = spool.with_name(spool.name + ".parquet")
        size = spool.stat().st_size
        with (
            pyarrow.OSFile(str(spool)) as source,
            pyarrow.parquet.ParquetWriter(final, self._schema) as writer,
        ):
            while source.tell() < size:
                with pyarrow.ipc.open_stream(source) as stream:
                    writer.write_table(stream.read_all())
        final.replace(spool)


def _arrow_type(values: Sequence[Any]) -> Any:
    """The type of a column by its first values: a common type, or else that of the first value
    with a type."""
    import pyarrow

    for sample in (values, *([value] for value in values)):
        try:
            arrow_type = pyarrow.array(sample).type
        except (pyarrow.ArrowException, UnicodeEncodeError):
            continue
        if not pyarrow.types.is_null(arrow_type):
            return arrow_type
    return pyarrow.string()  # all null so far: strings can represent most values


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict | bool):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
