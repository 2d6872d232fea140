"""Parquet: rows with their types, and a writer that can be resumed.

Rows that come from Parquet are written to Parquet as they were read, without conversion.
"""

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow
import pyarrow.parquet

from textrnn.errors import UserError
from textrnn.io.records import Record
from textrnn.io.writers import Layout, OutputRow, RowWriter, json_text

_BATCH = 4096
_ROW_GROUP = 2**16
"""Rows of the row groups that are written, at least."""


def read_parquet(path: Path) -> Iterator[Record]:
    """The rows of a Parquet file.

    In `fields`, dates, times and decimals are text with all their digits, and durations are
    integers in their unit, since Python's own types have a range and a precision of their own.
    """
    with _readable(path) as file:
        schema = file.schema_arrow
        portable = pyarrow.schema([(column.name, _portable_type(column.type)) for column in schema])
        number = 0
        for batch in file.iter_batches(batch_size=_BATCH):
            arrays = [
                array.cast(column.type) for array, column in zip(batch, portable, strict=True)
            ]
            rows = pyarrow.record_batch(arrays, schema=portable).to_pylist()
            for index, row in enumerate(rows):
                number += 1
                yield Record(number, row, arrow=(batch, index))


def parquet_schema(path: Path) -> pyarrow.Schema:
    """The columns of a Parquet file and their types. Raises UserError."""
    with _readable(path) as file:
        return file.schema_arrow


@contextmanager
def _readable(path: Path) -> Iterator[pyarrow.parquet.ParquetFile]:
    """Open a Parquet file. Whatever Arrow raises while it is open becomes a UserError."""
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise UserError(f"{path}: has more than one column called {twice}")
            yield file
    except pyarrow.ArrowException as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: is not a readable Parquet file: {reason}") from None


def _portable_type(original: pyarrow.DataType) -> pyarrow.DataType:
    types = pyarrow.types
    if types.is_temporal(original) and not types.is_duration(original):
        return pyarrow.string()
    if types.is_duration(original):
        return pyarrow.int64()
    if types.is_decimal(original):
        return pyarrow.string()
    if types.is_dictionary(original):
        return _portable_type(original.value_type)
    if types.is_struct(original):
        return pyarrow.struct([(field.name, _portable_type(field.type)) for field in original])
    if types.is_map(original):
        key, item = _portable_type(original.key_type), _portable_type(original.item_type)
        return pyarrow.map_(key, item)
    if types.is_nested(original):
        return pyarrow.large_list(_portable_type(original.value_type))
    return original


class ParquetWriter(RowWriter):
    """The spool is a sequence of Arrow streams, since a Parquet file cannot be appended to."""

    def __init__(self, layout: Layout, compressed: bool = False):
        super().__init__(layout, compressed)
        self._schema = decode_schema(layout.schema)

    def encode(self, rows):
        errors: dict[int, str] = {}
        try:
            table = self._table(rows)
        except (pyarrow.ArrowException, UnicodeEncodeError):
            tables = [self._schema.empty_table()]
            for index, row in enumerate(rows):
                try:
                    tables.append(self._table([row]))
                except (pyarrow.ArrowException, UnicodeEncodeError) as error:
                    errors[index] = f"does not fit the columns: {' '.join(str(error).split())}"
            table = pyarrow.concat_tables(tables)
        out = io.BytesIO()
        with pyarrow.ipc.new_stream(out, self._schema) as stream:
            stream.write_table(table)
        return out.getvalue(), errors

    def finish(self, spool):
        final = spool.with_name(spool.name + ".parquet")
        size = spool.stat().st_size
        with (
            pyarrow.OSFile(str(spool)) as source,
            pyarrow.parquet.ParquetWriter(final, self._schema) as writer,
        ):
            waiting: list[pyarrow.Table] = []
            while source.tell() < size:
                with pyarrow.ipc.open_stream(source) as stream:
                    waiting.append(stream.read_all())
                if sum(map(len, waiting)) >= _ROW_GROUP:
                    writer.write_table(pyarrow.concat_tables(waiting))
                    waiting = []
            if waiting:
                writer.write_table(pyarrow.concat_tables(waiting))
        return final

    def _table(self, rows: Sequence[OutputRow]) -> pyarrow.Table:
        """The rows in the types of the file. Raises ArrowException and UnicodeEncodeError."""
        parts = (
            self._from_arrow(part) if part[0].record.arrow else self._from_python(part)
            for part in _stretches(rows)
        )
        return pyarrow.concat_tables([self._schema.empty_table(), *parts])

    def _from_arrow(self, rows: list[OutputRow]) -> pyarrow.Table:
        """From rows that are adjacent in their batch."""
        batch, first = rows[0].record.arrow or (None, 0)
        assert batch is not None
        original = batch.slice(first, len(rows))
        added = self._from_python([row._replace(record=Record(0, {})) for row in rows])
        arrays = [
            original.column(field.name).cast(field.type)
            if field.name in original.schema.names
            else added.column(field.name)
            for field in self._schema
        ]
        return pyarrow.table(arrays, schema=self._schema)

    def _from_python(self, rows: list[OutputRow]) -> pyarrow.Table:
        merged = [row.record.fields | row.added for row in rows]
        for name in self.layout.json_columns:
            for row in merged:
                row[name] = json_text(row[name]) if row.get(name) is not None else None
        return pyarrow.Table.from_pylist(merged, schema=self._schema)


def _stretches(rows: Sequence[OutputRow]) -> list[list[OutputRow]]:
    """The rows in groups: those that are adjacent in a batch, and those without a batch."""
    stretches: list[list[OutputRow]] = []
    following = None
    for row in rows:
        place = row.record.arrow and (id(row.record.arrow[0]), row.record.arrow[1])
        if not stretches or place != following:
            stretches.append([])
        stretches[-1].append(row)
        following = place and (place[0], place[1] + 1)
    return stretches


def encode_schema(schema: pyarrow.Schema) -> str:
    """The schema in base64."""
    return base64.b64encode(schema.serialize()).decode()


def decode_schema(text: str) -> pyarrow.Schema:
    """The inverse of `encode_schema`."""
    return pyarrow.ipc.read_schema(pyarrow.py_buffer(base64.b64decode(text)))
