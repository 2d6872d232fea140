"""The registry of file formats, and reading and writing by format.

A format is one entry of FORMATS: its name, its endings, its reader and, if rows can be written in
it, its writer. Everything else that depends on the format of a file looks it up here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from textrnn.errors import UserError
from textrnn.io.conll import read_conll, read_conllu, read_iob2
from textrnn.io.readers import read_csv, read_jsonl, read_lines, read_parquet, read_tsv
from textrnn.io.records import Record
from textrnn.io.writers import (
    ConllWriter,
    CsvWriter,
    JsonLinesWriter,
    Layout,
    ParquetWriter,
    RowWriter,
    TsvWriter,
)
from textrnn.rows import Row


@dataclass(frozen=True)
class FileFormat:
    """A file format."""

    name: str
    """The name in recipes and on the command line."""
    endings: tuple[str, ...]
    """The endings of file names, such as .csv."""
    read: Callable[[Path, Sequence[str]], Iterator[Record]]
    """(path, names of the columns, which may be empty): the records, without reading ahead."""
    writer: type[RowWriter] | None = None
    """None if rows cannot be written in this format."""
    compressible: bool = True
    """Whether files may be gzip-compressed, with .gz after the ending."""
    tabular: bool = True
    """Whether files hold rows of data. If not, a language model trains on the file as one text."""
    uniform: bool = True
    """Whether all rows of a file have the same columns."""


FORMATS: dict[str, FileFormat] = {
    file_format.name: file_format
    for file_format in (
        FileFormat("csv", (".csv",), read_csv, CsvWriter),
        FileFormat("tsv", (".tsv",), read_tsv, TsvWriter),
        FileFormat("jsonl", (".jsonl", ".ndjson"), read_jsonl, JsonLinesWriter, uniform=False),
        FileFormat("parquet", (".parquet",), read_parquet, ParquetWriter, compressible=False),
        FileFormat("conllu", (".conllu",), read_conllu, tabular=False),
        FileFormat("conll", (".conll",), read_conll, ConllWriter, tabular=False),
        FileFormat("iob2", (".iob2",), read_iob2, tabular=False),
        FileFormat("lines", (".txt",), read_lines, tabular=False),
    )
}
"""The file formats by name."""


def format_of(path: Path) -> str:
    """The name of the format that the ending of `path` stands for. Raises UserError."""
    file_format = find_format(path)
    if file_format is None:
        raise UserError(
            f"{path}: the format is not known by the ending; known endings are "
            f"{', '.join(endings())}, also with .gz"
        )
    return file_format.name


def find_format(path: Path) -> FileFormat | None:
    """The format that the ending of `path` stands for, or None."""
    name = path.name.removesuffix(".gz")
    for file_format in FORMATS.values():
        if name.endswith(file_format.endings):
            compressed = path.name.endswith(".gz")
            return file_format if file_format.compressible or not compressed else None
    return None


def endings(writable: bool = False) -> list[str]:
    """The endings of all formats, or of those that rows can be written in."""
    return [
        ending
        for file_format in FORMATS.values()
        if file_format.writer is not None or not writable
        for ending in file_format.endings
    ]


def read_records(
    path: Path, name: str | None = None, columns: Sequence[str] = ()
) -> Iterator[Record]:
    """The records of a file in order, in constant memory.

    `name` is the format, by default that of the ending. `columns` names the columns of a CSV or TSV
    file without a header line, or of CoNLL. Plain lines have one field, `text`; the CoNLL formats
    have lists, `tokens` and `tags`. Raises UserError if the file as a whole cannot be read.
    """
    file_format = FORMATS[name or format_of(path)]
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path}: is empty: it has no rows")
        yield from file_format.read(path, columns)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{path}: cannot be read: {reason}") from None


def read_parallel(source: Path, target: Path) -> Iterator[Record]:
    """Line i of each file, as the fields `source` and `target`.

    Raises UserError if one file has more lines.
    """
    pairs = zip_longest(read_records(source, "lines"), read_records(target, "lines"))
    for number, (one, other) in enumerate(pairs, start=1):
        if one is None or other is None:
            shorter, longer = (source, target) if one is None else (target, source)
            raise UserError(
                f"{shorter}: ends after line {number - 1}, but {longer} does not; parallel files "
                "must have the same number of lines"
            )
        error = one.error or (other.error and f"in {target}: {other.error}")
        fields = {"source": one.fields["text"], "target": other.fields["text"]}
        yield Record(number, {} if error else fields, error)


def layout_of(path: Path, first: Sequence[Row]) -> Layout:
    """The layout, in the format of `path`, of a file whose first rows are `first`."""
    return _writer_of(path).layout(first)


def open_writer(path: Path, layout: Layout) -> RowWriter:
    """A writer for the format of `path`. Raises UserError if rows cannot be written in it."""
    return _writer_of(path)(layout, compressed=path.name.endswith(".gz"))


def _writer_of(path: Path) -> type[RowWriter]:
    writer = FORMATS[format_of(path)].writer
    if writer is None:
        raise UserError(
            f"{path}: rows cannot be written in this format; use one of "
            f"{', '.join(endings(writable=True))}"
        )
    return writer
