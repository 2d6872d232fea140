"""A file that grows piece by piece and survives a crash between any two of them.

After each piece PATH.partial is on disk, and PATH.progress.json says how far it reaches. What was
written after that is cut off when the job goes on. PATH appears when it is whole.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from textrnn.config import Config
from textrnn.errors import UserError
from textrnn.io.writers import Layout, Row, RowWriter, layout_of, open_writer


class Progress(Config):
    """How far a job has come."""

    job: dict[str, Any]
    """What the job is, as JSON. A job only goes on as what it was."""
    records: int = 0
    """Rows of the input that are done with, good and bad."""
    rows: int = 0
    bad: int = 0
    bytes: int = 0
    error_bytes: int = 0
    layout: Layout | None = None


@dataclass(frozen=True)
class Fault:
    """A row that has no answer, and why."""

    file: str
    line: int
    error: str
    row: Row | None

    def to_json(self) -> str:
        entry: dict[str, Any] = {"file": self.file, "line": self.line, "error": self.error}
        if self.row:
            entry["row"] = self.row
        return json.dumps(entry, default=str) + "\n"


def begin(output: Path, job: dict[str, Any], resume: bool) -> Progress | None:
    """Where a job begins; None where its file is whole already.

    Raises UserError where there is a file in the way, or the progress of another job.
    """
    path = _beside(output, ".progress.json")
    job = json.loads(json.dumps(job))
    if resume and path.exists():
        found = Progress.parse(json.loads(path.read_text(encoding="utf-8")), source=str(path))
        changed = [key for key in job if found.job.get(key) != job[key]]
        if changed:
            raise UserError(
                f"{path}: was left by another job, with other {', '.join(changed)}; "
                "begin again without --resume"
            )
        return found
    if output.exists():
        if resume:
            return None
        raise UserError(f"{output}: exists already; remove it, or name another --output")
    return Progress(job=job)


class Journal:
    """The partial file, the file of errors and the progress, which agree after every piece."""

    def __init__(self, output: Path, progress: Progress):
        self.progress = progress
        self._output = output
        self._partial = _beside(output, ".partial")
        self._errors = _beside(output, ".errors.jsonl")
        self._sink = open_writer(output, progress.layout) if progress.layout else None

    def __enter__(self) -> Self:
        try:
            self._stream = _open_at(self._partial, self.progress.bytes)
            self._error_stream = _open_at(self._errors, self.progress.error_bytes)
        except OSError as error:
            raise UserError(f"{self._output}: cannot be written: {error.strerror}") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._error_stream.close()

    def write(
        self, records: int, rows: Sequence[tuple[Row, Fault]], faults: list[Fault], strict: bool
    ) -> None:
        """Add one piece: `rows`, each with the fault that it is if it cannot be written.

        With `strict` a fault is an error, and the piece is not written. Raises UserError.
        """
        sink, head = self._open_sink([row for row, _ in rows])
        data, reasons = sink.encode([row for row, _ in rows]) if sink else (b"", {})
        unwritable = [(rows[index][1], reason) for index, reason in reasons.items()]
        faults = faults + [Fault(f.file, f.line, reason, f.row) for f, reason in unwritable]
        faults.sort(key=lambda fault: fault.line)
        if faults and strict:
            first = faults[0]
            raise UserError(
                f"{first.file}:{first.line}: {first.error} (stopped because of --strict; "
                f"{self.progress.rows} rows are kept, and --resume goes on from there)"
            )
        errors = "".join(fault.to_json() for fault in faults).encode("utf-8", "backslashreplace")
        try:
            _append(self._stream, head + data)
            _append(self._error_stream, errors)
            self._advance(records, len(rows) - len(reasons), len(faults), head + data, errors)
        except OSError as error:
            raise UserError(
                f"{self._output}: cannot be written: {error.strerror}; "
                f"{self.progress.rows} rows are kept, and --resume goes on from there"
            ) from None

    def commit(self) -> None:
        """The partial file becomes the file. Raises UserError where there is nothing in it."""
        if self._sink is None:
            raise UserError(
                f"{self._output}: is not written, since no row could be scored: "
                f"{self.progress.bad} are bad; see {self._errors}"
            )
        self._stream.close()
        self._sink.finish(self._partial)
        _sync(self._partial)
        self._partial.replace(self._output)
        _sync(self._output.parent)
        _beside(self._output, ".progress.json").unlink()
        if not self.progress.bad:
            self._errors.unlink()

    def _open_sink(self, rows: Sequence[Row]) -> tuple[RowWriter | None, bytes]:
        """The sink, and the head of the file where these are its first rows."""
        if self._sink is not None or not rows:
            return self._sink, b""
        layout = layout_of(self._output, rows)
        self.progress = self.progress.model_copy(update={"layout": layout})
        self._sink = open_writer(self._output, layout)
        return self._sink, self._sink.head()

    def _advance(self, records: int, rows: int, bad: int, data: bytes, errors: bytes) -> None:
        done = self.progress
        self.progress = done.model_copy(
            update={
                "records": done.records + records,
                "rows": done.rows + rows,
                "bad": done.bad + bad,
                "bytes": done.bytes + len(data),
                "error_bytes": done.error_bytes + len(errors),
            }
        )
        path = _beside(self._output, ".progress.json")
        partial = _beside(path, ".new")
        partial.write_text(self.progress.to_json(), encoding="utf-8")
        _sync(partial)
        partial.replace(path)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _open_at(path: Path, size: int) -> IO[bytes]:
    stream = path.open("r+b" if path.exists() else "w+b")
    stream.truncate(size)
    stream.seek(size)
    return stream


def _append(stream: IO[bytes], data: bytes) -> None:
    stream.write(data)
    stream.flush()
    os.fsync(stream.fileno())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
