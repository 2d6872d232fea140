"""Batch scoring: adds the model's answer to every row of a file, in order and constant memory.

inputs -> columns of the output
records -> chunks of examples -> answers -> the output's journal
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from textrnn.errors import InvalidText, UserError
from textrnn.io.formats import FileFormat, RecordReader, writable_format
from textrnn.io.journal import BadRow, Journal, JournalProgress, start_or_resume
from textrnn.io.layout import columns_of
from textrnn.io.lines import is_stream
from textrnn.io.lock import exclusive
from textrnn.io.records import TableOptions
from textrnn.io.streams import StreamOutput
from textrnn.io.writers import Layout, OutputRow
from textrnn.predictor import Predictor
from textrnn.tasks import Answer, Example, Options, Task

CHUNK = 2048
"""Number of rows that are read, run and written together."""
PREFIX = "predicted_"
"""Prefix of the answer's columns, which keeps them apart from gold columns of the input."""


@dataclass
class RowChunk:
    """A group of input rows as it passes through the pipeline."""

    outcomes: list[OutputRow | BadRow] = field(default_factory=list)
    """One for each record, in order; those of rows get their columns at the end."""
    examples: list[Example] = field(default_factory=list)
    """The valid rows as examples; `answers` has one entry for each."""
    answers: list[Answer] = field(default_factory=list)


Runner = Callable[[Iterator[RowChunk]], Iterator[RowChunk]]
"""Fills in the answers of chunks and yields the chunks in input order."""


@dataclass(frozen=True)
class FileOptions:
    """How the files of a job are read and written."""

    input_format: str | None = None
    """The format of the inputs; by default that of the ending of each."""
    output_format: str | None = None
    table: TableOptions = field(default_factory=TableOptions)


def score(
    task: Task,
    run: Runner,
    inputs: Sequence[Path],
    output: Path,
    *,
    identity: str,
    columns: dict[str, str] | None = None,
    options: dict[str, Any] | None = None,
    files: FileOptions | None = None,
    strict: bool = False,
    resume: bool = False,
    on_progress: Callable[[JournalProgress], None] = lambda _: None,
) -> JournalProgress:
    """Score the rows of all inputs into one file, whose ending selects the format.

    `columns` maps fields of a row to columns of the input, as in {"text": "review"}. `options` are
    options of the task. `identity` identifies the weights: a job is only resumed with the weights
    that it was started with. The path `-` is standard input or standard output.

    Invalid rows are written to `output`.errors.jsonl, or to standard error if the output is a
    stream; with `strict`, the first one raises an error. In the result, `records` is the sum of
    `rows` and `bad`. If a job to be resumed was complete and cleaned up already, only `bad` and
    `final_bytes` are known. Raises UserError.
    """
    files = files or FileOptions()
    task_options = task.options_type.parse(options or {}, source="options")
    output_format = writable_format(output, files.output_format)
    readers = [RecordReader(path, files.input_format, files.table) for path in inputs]
    added = {PREFIX + name: kind for name, kind in task.columns(task_options).items()}
    _check_streams(output, inputs, output_format, resume)

    def go(sink: Journal | StreamOutput) -> JournalProgress:
        chunks = _chunks(task, readers, columns or {}, task_options, sink.progress.records)
        with sink, ThreadPoolExecutor(1) as ahead:
            for chunk in run(_one_ahead(chunks, ahead)):
                sink.write(_outcomes(chunk, added), strict)
                on_progress(sink.progress)
            if [_stamp(path) for path in inputs] != stamps:
                raise UserError("an input was changed while it was scored; start again")
            lines = sum(reader.lines.read for reader in readers)
            sink.commit(lines, sum(reader.lines.skipped for reader in readers))
        return sink.progress

    stamps = [_stamp(path) for path in inputs]
    if is_stream(output):
        layout = _layout(output_format, readers, added)
        return go(StreamOutput(output, output_format.open_writer(layout, output)))
    with exclusive(output):
        job = {
            "inputs": stamps,
            "columns": columns or {},
            "options": options or {},
            "files": asdict(files),
            "model": identity,
        }
        progress = start_or_resume(output, job, resume)
        if progress.final_bytes is not None:
            return progress
        layout = progress.layout or _layout(output_format, readers, added)
        return go(Journal(output, progress, output_format.open_writer(layout, output)))


def _check_streams(
    output: Path, inputs: Sequence[Path], output_format: FileFormat, resume: bool
) -> None:
    if resume and (is_stream(output) or any(map(is_stream, inputs))):
        raise UserError("a job that reads or writes a stream cannot be resumed; use files")
    if is_stream(output) and output_format.name == "parquet":
        raise UserError(f"{output}: Parquet cannot be written to a stream; use a file")


def _layout(
    output_format: FileFormat, inputs: Sequence[RecordReader], added: Mapping[str, Any]
) -> Layout:
    if not output_format.needs_columns:
        return Layout([])
    if output_format.name == "parquet":
        from textrnn.io.parquet_layout import parquet_layout  # Arrow takes a while to import

        return parquet_layout(inputs, added)
    return columns_of(inputs, list(added))


def local(predictor: Predictor) -> Runner:
    """A runner in this process."""

    def run(chunks: Iterator[RowChunk]) -> Iterator[RowChunk]:
        for chunk in chunks:
            chunk.answers = predictor.answer(chunk.examples)
            yield chunk

    return run


def _chunks(
    task: Task,
    inputs: Sequence[RecordReader],
    columns: dict[str, str],
    options: Options,
    skip: int,
) -> Iterator[RowChunk]:
    records = ((reader, record) for reader in inputs for record in reader)
    records = islice(records, skip, None)
    while block := list(islice(records, CHUNK)):
        chunk = RowChunk()
        for reader, record in block:
            file = str(reader.path)
            try:
                if record.error:
                    raise InvalidText(record.error, "unreadable")
                chunk.examples.append(task.read(with_columns(record.fields, columns), options))
                chunk.outcomes.append(OutputRow(file, record, {}))
            except UserError as error:
                # A column that the whole table lacks is a mistake in the command, not in a row.
                if not isinstance(error, InvalidText) and reader.format.uniform:
                    raise UserError(f"{file}:{record.line}: {error}") from None
                chunk.outcomes.append(BadRow(file, record, str(error)))
        yield chunk


def with_columns(fields: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """The fields, those of `columns` also under the names that the task expects. Raises UserError
    for a column that is not there, and for names that are reserved for answers."""
    clash = sorted(name for name in fields if name.startswith(PREFIX))
    if clash:
        raise UserError(
            f"columns starting with {PREFIX!r} are reserved for answers; rename {', '.join(clash)}"
        )
    row = dict(fields)
    for name, column in columns.items():
        if column not in fields:
            raise UserError(f"no column {column!r}; the columns are {', '.join(fields)}")
        row[name] = fields[column]
    return row


def _outcomes(chunk: RowChunk, added: Container[str]) -> list[OutputRow | BadRow]:
    """The outcomes of the chunk with those columns of the answers that are written."""
    answers = iter(chunk.answers)
    outcomes: list[OutputRow | BadRow] = []
    for outcome in chunk.outcomes:
        if isinstance(outcome, OutputRow):
            answer = {PREFIX + name: value for name, value in next(answers).items()}
            outcome = outcome._replace(added={n: v for n, v in answer.items() if n in added})
        outcomes.append(outcome)
    if next(answers, None) is not None:
        raise AssertionError("there are more answers than rows")
    return outcomes


def _one_ahead(chunks: Iterator[RowChunk], reader: ThreadPoolExecutor) -> Iterator[RowChunk]:
    """The same chunks; each is read while its predecessor runs."""
    waiting = reader.submit(next, chunks, None)
    while (chunk := waiting.result()) is not None:
        waiting = reader.submit(next, chunks, None)
        yield chunk


def _stamp(path: Path) -> dict[str, Any]:
    """What tells whether an input is still the same."""
    if is_stream(path):
        return {"path": str(path)}
    try:
        status = path.stat()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    return {"path": str(path), "bytes": status.st_size, "modified": status.st_mtime_ns}
