"""The registry of file formats, and reading and writing by format.

A format is one entry of FORMATS: its name, its endings, its reader and, if rows can be written in
it, its writer. Everything else that depends on the format of a file looks it up here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path

from textrnn.errors import UserError
from textrnn.io.conll import read_conll, read_conllu, read_iob2
from textrnn.io.lines import Lines, is_stream
from textrnn.io.readers import read_csv, read_jsonl, read_lines, read_tsv
from textrnn.io.records import Record, TableOptions
from textrnn.io.writers import (
    ConllWriter,
    CsvWriter,
    JsonLinesWriter,
    Layout,
    RowWriter,
    TsvWriter,
)

Reader = Callable[[Lines, TableOptions], Iterator[Record]]


@dataclass(frozen=True)
class FileFormat:
    """A file format."""

    name: str
    """The name in recipes and on the command line."""
    endings: tuple[str, ...]
    """The endings of file names, such as .csv, in lower case."""
    read: Reader | None
    """The reader of a text format: the records, without reading ahead. None for Parquet."""
    writer: Callable[[Layout, bool], RowWriter] | None = None
    """A writer with a layout, which compresses or not. None if rows cannot be written."""
    needs_columns: bool = False
    """Whether a writer needs to know all columns before the first row."""
    tabular: bool = True
    """Whether files hold rows of data. If not, a language model trains on the file as one text."""
    uniform: bool = True
    """Whether all rows of a file have the same columns."""

    def open_writer(self, layout: Layout, path: Path) -> RowWriter:
        """A writer of a file, which is compressed if its name says so."""
        assert self.writer is not None, self.name
        return self.writer(layout, path.name.lower().endswith(".gz"))


def _parquet_writer(layout: Layout, compressed: bool) -> RowWriter:
    from textrnn.io.parquet import ParquetWriter  # Arrow takes a while to import

    return ParquetWriter(layout, compressed)


FORMATS: dict[str, FileFormat] = {
    file_format.name: file_format
    for file_format in (
        FileFormat("csv", (".csv",), read_csv, CsvWriter, needs_columns=True),
        FileFormat("tsv", (".tsv",), read_tsv, TsvWriter, needs_columns=True),
        FileFormat(
            "jsonl", (".jsonl", ".ndjson", ".json"), read_jsonl, JsonLinesWriter, uniform=False
        ),
        FileFormat("parquet", (".parquet",), None, _parquet_writer, needs_columns=True),
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
            f"{', '.join(endings())}, except for Parquet also with .gz; otherwise name the format"
        )
    return file_format.name


def find_format(path: Path) -> FileFormat | None:
    """The format that the ending of `path` stands for, or None."""
    name = path.name.lower()
    compressed = name.endswith(".gz")
    for file_format in FORMATS.values():
        if name.removesuffix(".gz").endswith(file_format.endings):
            return None if compressed and file_format.read is None else file_format
    return None


def endings(writable: bool = False) -> list[str]:
    """The endings of all formats, or of those that rows can be written in."""
    return [
        ending
        for file_format in FORMATS.values()
        if file_format.writer is not None or not writable
        for ending in file_format.endings
    ]


class RecordReader:
    """The records of one file in order, in constant memory; `-` is standard input.

    `name` is the format, by default that of the ending. Plain lines have one field, `text`; the
    CoNLL formats have lists, `tokens` and `tags`. Iterating raises UserError if the file as a whole
    cannot be read.
    """

    def __init__(self, path: Path, name: str | None = None, options: TableOptions | None = None):
        self.path = path
        self.format = FORMATS[name or format_of(path)]
        self.lines = Lines(path)
        self._options = options or TableOptions()
        self._begun: Iterator[Record] | None = None

    def __iter__(self) -> Iterator[Record]:
        records, self._begun = self._begun or self._records(), None
        return records

    def columns(self) -> Sequence[str] | None:
        """The columns of a file that names them at its beginning; None if every row names its
        own. A stream is not read twice, even if it is iterated afterwards."""
        if self.format.read is None:
            from textrnn.io.parquet import parquet_schema

            return parquet_schema(self.path).names
        records = self._records()
        first = list(islice(records, 1))
        if is_stream(self.path):
            self._begun = chain(first, records)
        return self.lines.columns

    def _records(self) -> Iterator[Record]:
        if is_stream(self.path):
            if self.format.read is None:
                raise UserError(f"{self.path}: Parquet cannot be read from a stream; use a file")
        else:
            self._check_file()
        if self.format.read is None:
            from textrnn.io.parquet import read_parquet

            yield from read_parquet(self.path)
            return
        in_records = 0
        for record in self.format.read(self.lines, self._options):
            in_records += record.lines
            yield record
        if in_records + self.lines.skipped != self.lines.read:
            raise AssertionError(
                f"{self.path}: {self.lines.read} lines were read, but {in_records} are in records "
                f"and {self.lines.skipped} are skipped"
            )

    def _check_file(self) -> None:
        try:
            size = self.path.stat().st_size
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read: {error.strerror}") from None
        if not size:
            raise UserError(f"{self.path}: is empty: it has no rows")


def read_records(
    path: Path, name: str | None = None, options: TableOptions | None = None
) -> Iterator[Record]:
    """The records of a file; see `RecordReader`."""
    return iter(RecordReader(path, name, options))


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


def writable_format(path: Path, name: str | None = None) -> FileFormat:
    """The format of an output, by its ending if `name` does not say it; JSON lines for a stream.

    Raises UserError if rows cannot be written in it.
    """
    file_format = FORMATS[name or ("jsonl" if is_stream(path) else format_of(path))]
    if file_format.writer is None:
        raise UserError(
            f"{path}: rows cannot be written in this format; use one of "
            f"{', '.join(endings(writable=True))}"
        )
    return file_format
