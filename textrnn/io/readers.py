"""Rows out of files: CSV, TSV, JSON lines, Parquet, CoNLL columns, CoNLL-U, plain lines, each also
gzip-compressed.

Every reader streams, and gives a line that it cannot read back as such: with its number and the
reason, and goes on with the next.
"""

import csv
import gzip
import json
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from textrnn.errors import UserError
from textrnn.io.conll import UNIVERSAL_NER, Sentence, read_columns, read_conllu

Format = Literal["csv", "tsv", "jsonl", "parquet", "lines", "conll", "conllu", "iob2"]

_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".conllu": "conllu",
    ".conll": "conll",
    ".iob2": "iob2",
    ".txt": "lines",
}
_MOST_CHARACTERS = 16 * 2**20
csv.field_size_limit(_MOST_CHARACTERS)


class Record(NamedTuple):
    """One row of a file: its fields, or why it could not be read."""

    line: int
    """The line that it begins on, or that is at fault, from 1; in Parquet the number of the row."""
    fields: dict[str, Any]
    error: str | None = None


def format_of(path: Path) -> Format:
    """The format by the file's ending. Raises UserError where the ending says nothing."""
    name = path.name.removesuffix(".gz")
    for ending, kind in _ENDINGS.items():
        if name.endswith(ending) and not (kind == "parquet" and path.name.endswith(".gz")):
            return kind
    known = ", ".join(_ENDINGS)
    raise UserError(f"{path}: the ending says no format; known are {known}, each also with .gz")


def read(path: Path, kind: Format | None = None, columns: Sequence[str] = ()) -> Iterator[Record]:
    """The records of a file, in order, without ever holding more than a piece of it.

    `columns` names the columns of a CSV or TSV file that has no header line, or of CoNLL. Plain
    lines have one field, `text`; the formats of CoNLL have lists, `tokens` and `tags`. Raises
    UserError where the file as a whole cannot be read.
    """
    kind = kind or format_of(path)
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path}: is empty: it holds no rows")
        if kind == "parquet":
            yield from _parquet(path)
            return
        opener: Any = gzip.open if path.name.endswith(".gz") else open
        with opener(path, "rb") as stream:
            if kind == "lines":
                yield from _lines(stream)
            elif kind == "jsonl":
                yield from _jsonl(stream)
            elif kind == "conllu":
                yield from _sentences(read_conllu(_decoded(stream)))
            elif kind in ("conll", "iob2"):
                named = columns or (UNIVERSAL_NER if kind == "iob2" else ())
                yield from _sentences(read_columns(_decoded(stream), named))
            else:
                yield from _table(stream, path, kind, columns)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{path}: cannot be read: {reason}") from None


def read_parallel(source: Path, target: Path) -> Iterator[Record]:
    """Line i of one file with line i of the other, as fields `source` and `target`. Raises
    UserError where one has more lines."""
    pairs = zip_longest(read(source, "lines"), read(target, "lines"))
    for number, (one, other) in enumerate(pairs, start=1):
        if one is None or other is None:
            shorter, longer = (source, target) if one is None else (target, source)
            raise UserError(
                f"{shorter}: ends behind line {number - 1}, and {longer} goes on; parallel files "
                "have as many lines"
            )
        fault = one.error or (other.error and f"in {target}: {other.error}")
        fields = {"source": one.fields["text"], "target": other.fields["text"]}
        yield Record(number, {} if fault else fields, fault)


def _decoded(stream: IO[bytes]) -> Iterator[tuple[int, str]]:
    """Numbered lines, ended by newline alone: text may hold other separators, such as U+0085.

    Bytes that are not UTF-8 come out as lone surrogates, which `_not_text` finds.
    """
    for number, raw in enumerate(stream, start=1):
        line = raw.decode("utf-8", errors="surrogateescape")
        if number == 1:
            line = line.removeprefix("\ufeff")
        yield number, line


def _not_text(text: str) -> str | None:
    """Why `text` is not what was in the file, if it is not."""
    if text.isascii():
        return None
    for index, char in enumerate(text):
        if "\udc80" <= char <= "\udcff":
            return f"is not UTF-8: byte 0x{ord(char) - 0xDC00:02x} at character {index + 1}"
    return None


def _lines(stream: IO[bytes]) -> Iterator[Record]:
    for number, line in _decoded(stream):
        text = line.removesuffix("\n").removesuffix("\r")
        yield Record(number, {"text": text}, _not_text(text))


def _jsonl(stream: IO[bytes]) -> Iterator[Record]:
    for number, line in _decoded(stream):
        if not line.strip():
            continue
        fault = _not_text(line)
        row: Any = None
        if not fault:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                fault = f"is not JSON: {error}"
            else:
                if not isinstance(row, dict):
                    fault = f"is not a JSON object but {type(row).__name__}"
        yield Record(number, {} if fault else row, fault)


def _sentences(sentences: Iterator[Sentence]) -> Iterator[Record]:
    for line, fields, fault in sentences:
        fault = fault or _not_text("".join(chain.from_iterable(fields.values())))
        yield Record(line, {} if fault else fields, fault)


def _table(stream: IO[bytes], path: Path, kind: Format, columns: Sequence[str]) -> Iterator[Record]:
    rows = _csv_rows(stream) if kind == "csv" else _tsv_rows(stream)
    header = list(columns)
    for number, cells, fault in rows:
        if not header:
            fault = fault or _not_text("".join(cells))
            if fault:
                raise UserError(f"{path}:{number}: the header line {fault}")
            header = cells
            twice = sorted({name for name in header if header.count(name) > 1})
            if twice:
                raise UserError(f"{path}:{number}: the header names {twice} more than once")
            continue
        if not fault:
            fault = next(filter(None, map(_not_text, cells)), None)
        if not fault and len(cells) != len(header):
            fault = f"has {len(cells)} columns, expected {len(header)}: {', '.join(header)}"
        yield Record(number, {} if fault else dict(zip(header, cells, strict=True)), fault)


Cells = tuple[int, list[str], str | None]


def _tsv_rows(stream: IO[bytes]) -> Iterator[Cells]:
    """Tab-separated values have no quotes: a cell is what lies between two tabs."""
    for number, line in _decoded(stream):
        line = line.removesuffix("\n").removesuffix("\r")
        if line:
            yield number, line.split("\t"), None


def _csv_rows(stream: IO[bytes]) -> Iterator[Cells]:
    reader = csv.reader((line for _, line in _decoded(stream)), strict=True)
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


def _parquet(path: Path) -> Iterator[Record]:
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
