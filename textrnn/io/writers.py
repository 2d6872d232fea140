"""Writers of CSV, TSV, JSON lines and CoNLL, chunk by chunk, resumable after a crash.

A writer encodes rows as bytes that are appended to a spool, which `finish` turns into the final
file. For text formats the spool is the file itself.
"""

import base64
import csv
import gzip
import io
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from textrnn.io.conll import write_columns
from textrnn.io.records import Record
from textrnn.rows import Row


@dataclass(frozen=True)
class Layout:
    """The columns of a table, which are known before its first row is written."""

    columns: list[str]
    schema: str = ""
    """For Parquet: the serialised Arrow schema, in base64."""
    json_columns: list[str] = field(default_factory=list)
    """For Parquet: columns of strings that hold JSON, since their values have no common type."""


class OutputRow(NamedTuple):
    """A row of the input with the columns that are added to it."""

    file: str
    record: Record
    added: dict[str, Any]


class Unwritable(Exception):
    """A row that cannot be written in the format, with the reason."""


class RowWriter(ABC):
    """Writes the rows of one file."""

    def __init__(self, layout: Layout, compressed: bool):
        self.layout = layout
        self.compressed = compressed

    def head(self) -> bytes:
        """The bytes before the first row."""
        return b""

    @abstractmethod
    def encode(self, rows: Sequence[OutputRow]) -> tuple[bytes, dict[int, str]]:
        """The bytes of the rows, and the index of each row that cannot be written with the
        reason."""

    def finish(self, spool: Path) -> Path:
        """The path of the final file. It is beside the spool, or the spool itself."""
        return spool


class TextRowWriter(RowWriter):
    """Writes each row as text, independent of the others."""

    @abstractmethod
    def line(self, row: Row) -> str:
        """The text of one row, with its line end. Raises Unwritable."""

    def encode(self, rows):
        lines, errors = [], {}
        for index, (_, record, added) in enumerate(rows):
            try:
                lines.append(self.line(record.fields | added).encode())
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
        return json_text(row) + "\n"


class CsvWriter(TextRowWriter):
    def head(self):
        return self._pack(self._write(self.layout.columns).encode())

    def line(self, row):
        return self._write([_cell(row.get(name)) for name in self.layout.columns])

    def _write(self, cells: Sequence[str]) -> str:
        # The writer quotes only those line breaks that are in its own line end.
        out = io.StringIO()
        csv.writer(out, lineterminator="\r\n").writerow(cells)
        return out.getvalue().removesuffix("\r\n") + "\n"


class TsvWriter(TextRowWriter):
    def head(self):
        return self._pack(("\t".join(self.layout.columns) + "\n").encode())

    def line(self, row):
        cells = [_cell(row.get(name)) for name in self.layout.columns]
        for name, cell in zip(self.layout.columns, cells, strict=True):
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


def json_text(value: Any) -> str:
    """A value as JSON on one line, without loss.

    Bytes are base64. What JSON has no numbers for are the strings "NaN", "Infinity" and
    "-Infinity", as in the JSON of Protocol Buffers. Other types are their text.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_portable)
    except ValueError:
        value = _without_special_numbers(value)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_portable)
    try:
        text.encode()
    except UnicodeEncodeError:  # an unpaired surrogate, which only an escape can represent
        text = json.dumps(value, default=_portable)
    return text


def _portable(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _without_special_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_special_numbers(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_special_numbers(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict | bool):
        return json_text(value)
    return _portable(value)
