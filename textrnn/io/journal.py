"""Write a file chunk by chunk, resumable after a crash between or during chunks.

After each chunk PATH.partial is on disk, and PATH.progress.json has the job and the number of bytes
that are valid. Bytes beyond them are cut off on resume. PATH appears once it is complete.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from textrnn.config import Config
from textrnn.errors import UserError
from textrnn.io.files import replace_file, with_suffix_added, write_atomically
from textrnn.io.formats import layout_of, open_writer
from textrnn.io.writers import Layout, RowWriter
from textrnn.rows import Row


class JournalProgress(Config):
    """The progress of a job: what is on disk so far."""

    job: dict[str, Any]
    """The description of the job, as JSON. Only a job with the same description may resume."""
    records: int = 0
    """Rows of the input that are processed, good and bad."""
    rows: int = 0
    """Rows of the output."""
    bad: int = 0
    """Rows in the error file."""
    bytes: int = 0
    """Valid bytes of the partial file."""
    error_bytes: int = 0
    """Valid bytes of the error file."""
    layout: Layout | None = None
    """None until the first rows are written."""


@dataclass(frozen=True)
class BadRow:
    """A row without an answer, and the reason."""

    file: str
    line: int
    error: str
    row: Row | None

    def to_json(self) -> str:
        """The line of the error file."""
        entry: dict[str, Any] = {"file": self.file, "line": self.line, "error": self.error}
        if self.row:
            entry["row"] = self.row
        return json.dumps(entry, default=str) + "\n"


def start_or_resume(output: Path, job: dict[str, Any], resume: bool) -> JournalProgress | None:
    """The progress to start from, or None if the output is already complete.

    Raises UserError if the output exists, or if the progress on disk is that of another job.
    """
    path = with_suffix_added(output, ".progress.json")
    job = json.loads(json.dumps(job))
    if resume and path.exists():
        data = json.loads(path.read_text(encoding="utf-8"))
        progress = JournalProgress.parse(data, source=str(path))
        changed = [key for key in job if progress.job.get(key) != job[key]]
        if changed:
            raise UserError(
                f"{path}: belongs to a job with other {', '.join(changed)}; "
                "start again without --resume"
            )
        return progress
    if output.exists():
        if resume:
            return None
        raise UserError(f"{output}: exists already; remove it, or choose another --output")
    return JournalProgress(job=job)


class Journal:
    """The partial file, the error file and the progress, which are consistent after each chunk."""

    def __init__(self, output: Path, progress: JournalProgress):
        self.progress = progress
        self._output = output
        self._partial = with_suffix_added(output, ".partial")
        self._errors = with_suffix_added(output, ".errors.jsonl")
        self._progress = with_suffix_added(output, ".progress.json")
        self._writer = open_writer(output, progress.layout) if progress.layout else None

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
        self,
        records: int,
        rows: Sequence[tuple[Row, BadRow]],
        bad_rows: list[BadRow],
        strict: bool,
    ) -> None:
        """Append one chunk, of `records` input rows.

        Each of `rows` comes with the bad row to report if the format cannot represent it. Raises
        UserError if the disk is full and, with `strict`, if there is a bad row; the chunk is then
        not written.
        """
        writer, head = self._open_writer([row for row, _ in rows])
        data, errors = writer.encode([row for row, _ in rows]) if writer else (b"", {})
        unwritable = [(rows[index][1], reason) for index, reason in errors.items()]
        bad_rows = bad_rows + [BadRow(b.file, b.line, reason, b.row) for b, reason in unwritable]
        bad_rows.sort(key=lambda bad: bad.line)
        if bad_rows and strict:
            first = bad_rows[0]
            raise UserError(
                f"{first.file}:{first.line}: {first.error} (stopped because of --strict; "
                f"{self.progress.rows} rows are kept, continue with --resume)"
            )
        lines = "".join(bad.to_json() for bad in bad_rows).encode("utf-8", "backslashreplace")
        try:
            _append(self._stream, head + data)
            _append(self._error_stream, lines)
            self._advance(records, len(rows) - len(errors), len(bad_rows), head + data, lines)
        except OSError as error:
            raise UserError(
                f"{self._output}: cannot be written: {error.strerror}; "
                f"{self.progress.rows} rows are kept, continue with --resume"
            ) from None

    def commit(self) -> None:
        """Rename the partial file to the output. Raises UserError if it has no rows."""
        if self._writer is None:
            raise UserError(
                f"{self._output}: is not written, since no row could be scored: "
                f"{self.progress.bad} are bad; see {self._errors}"
            )
        self._stream.close()
        self._writer.finish(self._partial)
        replace_file(self._partial, self._output)
        self._progress.unlink()
        if not self.progress.bad:
            self._errors.unlink()

    def _open_writer(self, rows: Sequence[Row]) -> tuple[RowWriter | None, bytes]:
        """The writer, and the head of the file if these are its first rows."""
        if self._writer is not None or not rows:
            return self._writer, b""
        layout = layout_of(self._output, rows)
        self.progress = self.progress.model_copy(update={"layout": layout})
        self._writer = open_writer(self._output, layout)
        return self._writer, self._writer.head()

    def _advance(self, records: int, rows: int, bad: int, data: bytes, errors: bytes) -> None:
        before = self.progress
        self.progress = before.model_copy(
            update={
                "records": before.records + records,
                "rows": before.rows + rows,
                "bad": before.bad + bad,
                "bytes": before.bytes + len(data),
                "error_bytes": before.error_bytes + len(errors),
            }
        )
        write_atomically(self._progress, self.progress.to_json())


def _open_at(path: Path, size: int) -> IO[bytes]:
    stream = path.open("r+b" if path.exists() else "w+b")
    stream.truncate(size)
    stream.seek(size)
    return stream


def _append(stream: IO[bytes], data: bytes) -> None:
    stream.write(data)
    stream.flush()
    os.fsync(stream.fileno())
