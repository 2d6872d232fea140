"""Rows into files: CSV, TSV, JSON lines, Parquet; in pieces that can be continued after a crash.

A sink turns rows into bytes that are appended to a spool. For text the spool is the file itself.
A Parquet file cannot be continued, so there the spool is a row of Arrow streams, and one pass at
the end makes the file of it.
"""

import base64
import csv
import gzip
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textrnn.config import Config
from textrnn.errors import UserError
from textrnn.io.conll import write_columns
from textrnn.io.readers import format_of

Row = Mapping[str, Any]


class Layout(Config):
    """What the first rows settled for the whole file."""

    columns: list[str]
    types: str = ""
    """For Parquet: the Arrow schema, serialised, in base64."""


class Unwritable(Exception):
    """One row cannot be written in this format, and why."""


class RowWriter(ABC):
    """Rows of one file, which all have the columns of the first."""

    def __init__(self, columns: Sequence[str]):
        self.columns = list(columns)

    def head(self) -> bytes:
        """What comes before the first row."""
        return b""

    @abstractmethod
    def encode(self, rows: Sequence[Row]) -> tuple[bytes, dict[int, str]]:
        """The bytes of the rows, and for each row that is left out its index and the reason."""

    def finish(self, spool: Path) -> None:
        """Make the file's final form of the spool, in its place."""
        return None

    def _same_columns(self, row: Row) -> None:
        extra = sorted(set(row) - set(self.columns))
        if extra:
            raise Unwritable(f"has the columns {extra}, which the first rows do not have")


class TextRowWriter(RowWriter):
    """One record after another, each on its own."""

    def __init__(self, columns: Sequence[str], compressed: bool):
        super().__init__(columns)
        self._compressed = compressed

    @abstractmethod
    def line(self, row: Row) -> str:
        """Raises Unwritable."""

    def encode(self, rows):
        lines, faults = [], {}
        for index, row in enumerate(rows):
            try:
                lines.append(self.line(row).encode())
            except Unwritable as error:
                faults[index] = str(error)
            except UnicodeEncodeError:
                faults[index] = "holds half a surrogate pair, which is not Unicode text"
        return self._pack(b"".join(lines)), faults

    def _pack(self, data: bytes) -> bytes:
        # Gzip files may be put one behind the other; without a time they are equal when run again.
        return gzip.compress(data, mtime=0) if self._compressed and data else data


class JsonLines(TextRowWriter):
    def line(self, row):
        return json.dumps(row, ensure_ascii=False, default=str) + "\n"


class Csv(TextRowWriter):
    def head(self):
        return self._pack(self._write(self.columns).encode())

    def line(self, row):
        self._same_columns(row)
        return self._write([_cell(row.get(name)) for name in self.columns])

    def _write(self, cells: Sequence[str]) -> str:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerow(cells)
        return out.getvalue()


class Tsv(TextRowWriter):
    def head(self):
        return self._pack(("\t".join(self.columns) + "\n").encode())

    def line(self, row):
        self._same_columns(row)
        cells = [_cell(row.get(name)) for name in self.columns]
        for name, cell in zip(self.columns, cells, strict=True):
            if "\t" in cell or "\n" in cell or "\r" in cell:
                raise Unwritable(f"{name!r} holds a tab or a line break, which TSV cannot; use CSV")
        return "\t".join(cells) + "\n"


class Conll(TextRowWriter):
    """Sentences in columns: the token, the tag that the row had if it had one, the given tag."""

    def line(self, row):
        tokens, given = row.get("predicted_tokens"), row.get("predicted_tags")
        if tokens is None or given is None:
            raise Unwritable("has no tags; .conll is for the answers of taggers")
        gold = row.get("tags")
        columns = [given] if gold is None or len(gold) != len(given) else [gold, given]
        try:
            return write_columns(tokens, *columns)
        except ValueError as error:
            raise Unwritable(str(error)) from None


class Parquet(RowWriter):
    def __init__(self, layout: Layout):
        super().__init__(layout.columns)
        import pyarrow

        buffer = pyarrow.py_buffer(base64.b64decode(layout.types))
        self._schema = pyarrow.ipc.read_schema(buffer)

    def encode(self, rows):
        import pyarrow

        faults: dict[int, str] = {}
        try:
            for row in rows:
                self._same_columns(row)
            table = pyarrow.Table.from_pylist(list(rows), schema=self._schema)
        except (Unwritable, pyarrow.ArrowException, UnicodeEncodeError):
            table, faults = self._one_by_one(rows)
        out = io.BytesIO()
        with pyarrow.ipc.new_stream(out, self._schema) as stream:
            stream.write_table(table)
        return out.getvalue(), faults

    def _one_by_one(self, rows):
        import pyarrow

        tables, faults = [self._schema.empty_table()], {}
        for index, row in enumerate(rows):
            try:
                self._same_columns(row)
                tables.append(pyarrow.Table.from_pylist([row], schema=self._schema))
            except (Unwritable, pyarrow.ArrowException, UnicodeEncodeError) as error:
                faults[index] = f"does not fit the columns of the first rows: {error}"
        return pyarrow.concat_tables(tables), faults

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


def layout_of(path: Path, first: Sequence[Row]) -> Layout:
    """What rows such as the first ones look like in the format of the path's ending."""
    columns = list(dict.fromkeys(name for row in first for name in row))
    if format_of(path) != "parquet":
        return Layout(columns=columns)
    import pyarrow

    fields = [(name, _arrow_type([row.get(name) for row in first])) for name in columns]
    types = base64.b64encode(pyarrow.schema(fields).serialize()).decode()
    return Layout(columns=columns, types=types)


def _arrow_type(values: Sequence[Any]) -> Any:
    """The type of a column by its first values: of all of them, or else of the first that tells."""
    import pyarrow

    for sample in (values, *([value] for value in values)):
        try:
            found = pyarrow.array(sample).type
        except (pyarrow.ArrowException, UnicodeEncodeError):
            continue
        if not pyarrow.types.is_null(found):
            return found
    return pyarrow.string()  # nothing yet: text can hold most of what may come


def open_writer(path: Path, layout: Layout) -> RowWriter:
    """The sink for the format of the path's ending. Raises UserError."""
    compressed = path.name.endswith(".gz")
    match format_of(path):
        case "jsonl":
            return JsonLines(layout.columns, compressed)
        case "csv":
            return Csv(layout.columns, compressed)
        case "tsv":
            return Tsv(layout.columns, compressed)
        case "parquet":
            return Parquet(layout)
        case "conll":
            return Conll(layout.columns, compressed)
        case "lines" | "conllu" | "iob2":
            raise UserError(
                f"{path}: answers are not written in this format; use .jsonl, .csv, .tsv, .parquet "
                "or, for tags, .conll"
            )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict | bool):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
