"""Batch scoring: adds the model's answer to every row of a file, in order and constant memory.

records -> chunks of examples -> answers -> the output's journal
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from textrnn.errors import InvalidText, UserError
from textrnn.io.formats import FORMATS, format_of, read_records
from textrnn.io.journal import BadRow, Journal, JournalProgress, start_or_resume
from textrnn.io.records import Record
from textrnn.predictor import Predictor
from textrnn.rows import Row
from textrnn.tasks import Answer, Example, Options, Task

CHUNK = 2048
"""Number of rows that are read, run and written together."""
PREFIX = "predicted_"
"""Prefix of the answer's columns, which keeps them apart from gold columns of the input."""


@dataclass
class RowChunk:
    """A group of input rows as it passes through the pipeline."""

    records: int
    bad_rows: list[BadRow] = field(default_factory=list)
    rows: list[tuple[str, Record]] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)
    """The valid rows as examples; `answers` has one entry for each."""
    answers: list[Answer] = field(default_factory=list)


Runner = Callable[[Iterator[RowChunk]], Iterator[RowChunk]]
"""Fills in the answers of chunks and yields the chunks in input order."""


def score(
    task: Task,
    run: Runner,
    inputs: Sequence[Path],
    output: Path,
    *,
    identity: str,
    columns: dict[str, str] | None = None,
    options: dict[str, Any] | None = None,
    strict: bool = False,
    resume: bool = False,
    on_progress: Callable[[JournalProgress], None] = lambda _: None,
) -> JournalProgress:
    """Score the rows of all inputs into one file, whose extension selects the format.

    `columns` maps fields of a row to columns of the input, as in {"text": "review"}. `options` are
    options of the task. `identity` identifies the weights: a job is only resumed with the weights
    that it was started with. Invalid rows are written to `output`.errors.jsonl; with `strict`, the
    first one raises an error. Raises UserError.
    """
    task_options = task.options_type.parse(options or {}, source="options")
    job = {
        "inputs": [_stamp(path) for path in inputs],
        "columns": columns or {},
        "options": options or {},
        "model": identity,
    }
    progress = start_or_resume(output, job, resume)
    if progress is None:
        return JournalProgress(job=job)
    chunks = _chunks(task, inputs, columns or {}, task_options, progress.records)
    with Journal(output, progress) as journal, ThreadPoolExecutor(1) as reader:
        for chunk in run(_one_ahead(chunks, reader)):
            rows = _scored(task, chunk, task_options)
            journal.write(chunk.records, rows, chunk.bad_rows, strict)
            on_progress(journal.progress)
        journal.commit()
    return journal.progress


def local(predictor: Predictor) -> Runner:
    """A runner in this process."""

    def run(chunks: Iterator[RowChunk]) -> Iterator[RowChunk]:
        for chunk in chunks:
            chunk.answers = predictor.answer(chunk.examples)
            yield chunk

    return run


def _chunks(
    task: Task, inputs: Sequence[Path], columns: dict[str, str], options: Options, skip: int
) -> Iterator[RowChunk]:
    records = ((path, record) for path in inputs for record in read_records(path))
    records = islice(records, skip, None)
    while block := list(islice(records, CHUNK)):
        chunk = RowChunk(len(block))
        for path, record in block:
            try:
                if record.error:
                    raise InvalidText(record.error, "unreadable")
                chunk.examples.append(task.read(_row(record, columns), options))
                chunk.rows.append((path.name, record))
            except UserError as error:
                # A column that the whole table lacks is a mistake in the command, not in a row.
                if not isinstance(error, InvalidText) and FORMATS[format_of(path)].uniform:
                    raise UserError(f"{path}:{record.line}: {error}") from None
                chunk.bad_rows.append(BadRow(path.name, record.line, str(error), record.fields))
        yield chunk


def _row(record: Record, columns: dict[str, str]) -> dict[str, Any]:
    """The record's fields under the names that the task expects. Raises UserError."""
    clash = sorted(name for name in record.fields if name.startswith(PREFIX))
    if clash:
        raise UserError(
            f"columns starting with {PREFIX!r} are reserved for answers; rename {', '.join(clash)}"
        )
    row = dict(record.fields)
    for name, column in columns.items():
        if column not in record.fields:
            raise UserError(f"no column {column!r}; the columns are {', '.join(record.fields)}")
        row[name] = record.fields[column]
    return row


def _scored(task: Task, chunk: RowChunk, options: Options) -> list[tuple[Row, BadRow]]:
    """Rows with the answer's columns, each with the bad row to report if it cannot be written."""
    scored = []
    for (name, record), answer in zip(chunk.rows, chunk.answers, strict=True):
        columns = task.columns(answer, options)
        row = record.fields | {PREFIX + key: value for key, value in columns.items()}
        scored.append((row, BadRow(name, record.line, "", record.fields)))
    return scored


def _one_ahead(chunks: Iterator[RowChunk], reader: ThreadPoolExecutor) -> Iterator[RowChunk]:
    """The same chunks; each is read while its predecessor runs."""
    waiting = reader.submit(next, chunks, None)
    while (chunk := waiting.result()) is not None:
        waiting = reader.submit(next, chunks, None)
        yield chunk


def _stamp(path: Path) -> dict[str, Any]:
    try:
        status = path.stat()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    return {"path": str(path), "bytes": status.st_size, "modified": status.st_mtime_ns}
