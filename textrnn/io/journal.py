"""Write a file chunk by chunk, resumable after a crash at any moment.

Beside PATH, a job has PATH.partial with its rows so far, PATH.errors.jsonl with its bad rows, and
PATH.progress.json, which says how much of both is valid, with checksums. What is beyond is cut off
on resume. When all rows are written, PATH.progress.json gets the size of the final file, and one
rename gives the file the name PATH: until then the job is resumed, and after it, it is complete.
"""

import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from textrnn.config import Config
from textrnn.errors import UserError
from textrnn.io.files import replace_file, sync, with_suffix_added, write_atomically
from textrnn.io.records import Record
from textrnn.io.writers import Layout, OutputRow, RowWriter

_SHOWN = 5
"""Number of places of bad rows that a summary names."""


class Written(Config):
    """The valid part of a file."""

    size: int = 0
    checksum: int = 0
    """CRC-32."""

    def plus(self, data: bytes) -> "Written":
        return Written(size=self.size + len(data), checksum=zlib.crc32(data, self.checksum))


class JournalProgress(Config):
    """The progress of a job."""

    job: dict[str, Any]
    """The description of the job, as JSON. Only a job with the same description may resume."""
    layout: Layout | None = None
    records: int = 0
    """Rows of the input that are processed, good and bad."""
    rows: int = 0
    """Rows of the output."""
    bad: int = 0
    """Rows in the error file."""
    places: tuple[str, ...] = ()
    """File and lines of the first bad rows."""
    lines: int = 0
    """Lines of the inputs, once they are read to the end. Rows of Parquet do not count."""
    skipped: int = 0
    """Those of them that belong to no row: headers, blank lines, comments."""
    output: Written = Written()
    bad_rows: Written = Written()
    final_bytes: int | None = None
    """The size of the final file, once it only has to be renamed."""

    def plus(self, records: int, bad: "Sequence[BadRow]") -> "JournalProgress":
        """The progress after so many more rows of the input, some of which were bad."""
        return self.model_copy(
            update={
                "records": self.records + records,
                "rows": self.rows + records - len(bad),
                "bad": self.bad + len(bad),
                "places": (*self.places, *(row.place for row in bad))[:_SHOWN],
            }
        )


class BadRow(NamedTuple):
    """A row without an answer, and the reason."""

    file: str
    record: Record
    error: str

    def to_json(self) -> str:
        """The line of the error file."""
        entry: dict[str, Any] = {"file": self.file, "line": self.record.line, "error": self.error}
        if self.record.fields:
            entry["row"] = self.record.fields
        return json.dumps(entry, default=str) + "\n"

    @property
    def place(self) -> str:
        first, last = self.record.span or (self.record.line, self.record.line)
        return f"{self.file}:{first}" + (f"-{last}" if last > first else "")


def start_or_resume(output: Path, job: dict[str, Any], resume: bool) -> JournalProgress:
    """The progress to start from, or with `final_bytes` that of a job that is complete.

    Raises UserError if the output exists, or if what is on disk is not that of this job.
    """
    path = with_suffix_added(output, ".progress.json")
    job = json.loads(json.dumps(job))
    if not resume:
        if output.exists():
            raise UserError(f"{output}: exists already; remove it, or choose another --output")
        path.unlink(missing_ok=True)  # first, so that it never describes files of another job
        return JournalProgress(job=job)
    if not path.exists():
        return _complete(output, job) if output.exists() else JournalProgress(job=job)
    progress = _read_progress(path)
    changed = [key for key in job if progress.job.get(key) != job[key]]
    if changed:
        raise UserError(
            f"{path}: belongs to a job with other {', '.join(changed)}; "
            "start again without --resume"
        )
    if output.exists():
        if progress.final_bytes != output.stat().st_size:
            raise UserError(
                f"{output}: exists already, but is not the file of the job in {path}; "
                "remove one of the two"
            )
        _remove_leftovers(output, progress.bad)
        return progress
    _check(with_suffix_added(output, ".partial"), progress.output)
    _check(with_suffix_added(output, ".errors.jsonl"), progress.bad_rows)
    return progress.model_copy(update={"final_bytes": None})


def _complete(output: Path, job: dict[str, Any]) -> JournalProgress:
    """What is known of a job that is complete and cleaned up."""
    errors = with_suffix_added(output, ".errors.jsonl")
    bad = 0
    if errors.exists():
        with errors.open("rb") as stream:
            bad = sum(1 for _ in stream)
    return JournalProgress(job=job, bad=bad, final_bytes=output.stat().st_size)


def _read_progress(path: Path) -> JournalProgress:
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise UserError(f"{path}: is damaged; start again without --resume")
    return JournalProgress.parse(data, source=str(path))


def _check(path: Path, expected: Written) -> None:
    """Raises UserError unless the file begins with what was written."""
    found = Written()
    if path.exists():
        with path.open("rb") as stream:
            while found.size < expected.size:
                data = stream.read(min(2**20, expected.size - found.size))
                if not data:
                    break
                found = found.plus(data)
    if found != expected:
        state = "is missing" if not path.exists() else "is not as it was written"
        raise UserError(
            f"{path}: {state}: expected {expected.size:,} bytes with the checksum "
            f"{expected.checksum:08x}, found {found.size:,} with {found.checksum:08x}; "
            "start again without --resume"
        )


class Journal:
    """The partial file, the error file and the progress, which are consistent after each chunk.

    The caller holds the lock of the output (`textrnn.io.lock`).
    """

    def __init__(self, output: Path, progress: JournalProgress, writer: RowWriter):
        self.progress = progress
        self._output = output
        self._writer = writer
        self._partial = with_suffix_added(output, ".partial")
        self._errors = with_suffix_added(output, ".errors.jsonl")

    def __enter__(self) -> Self:
        try:
            self._stream = _open_at(self._partial, self.progress.output.size)
            self._error_stream = _open_at(self._errors, self.progress.bad_rows.size)
        except OSError as error:
            raise UserError(f"{self._output}: cannot be written: {error.strerror}") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._error_stream.close()
        # Of a job that could not start, nothing is left that a later one would find.
        if not self.progress.records and self.progress.final_bytes is None:
            _remove_leftovers(self._output, bad=0)

    def write(self, outcomes: Sequence[OutputRow | BadRow], strict: bool) -> None:
        """Append a chunk: the outcome of each row of the input.

        Rows that the format cannot represent are bad rows, too. Raises UserError if the disk is
        full and, with `strict`, if there is a bad row; the chunk is then not written.
        """
        data, bad = encode_outcomes(self._writer, outcomes)
        if bad and strict:
            raise UserError(
                f"{bad[0].place}: {bad[0].error} (stopped because of --strict; "
                f"{self.progress.rows} rows are kept, continue with --resume)"
            )
        before = self.progress
        if not before.output.size:
            data = self._writer.head() + data
        errors = "".join(row.to_json() for row in bad).encode("utf-8", "backslashreplace")
        progress = before.plus(len(outcomes), bad).model_copy(
            update={
                "layout": self._writer.layout,
                "output": before.output.plus(data),
                "bad_rows": before.bad_rows.plus(errors),
            }
        )
        try:
            _append(self._stream, data)
            _append(self._error_stream, errors)
            self._save(progress)
        except OSError as error:
            raise UserError(
                f"{self._output}: cannot be written: {error.strerror}; "
                f"{before.rows} rows are kept, continue with --resume"
            ) from None

    def commit(self, lines: int = 0, skipped: int = 0) -> None:
        """Finish the output, whose inputs had so many lines.

        Raises UserError if it would have bad rows only.
        """
        done = self.progress
        if done.records != done.rows + done.bad:
            raise AssertionError(f"{done.records} rows became {done.rows} and {done.bad} bad ones")
        if done.bad and not done.rows:
            with_suffix_added(self._output, ".progress.json").unlink()
            self._partial.unlink()
            raise UserError(
                f"{self._output}: is not written, since no row could be scored: {done.bad} are "
                f"bad; see {self._errors}"
            )
        try:
            if not done.output.size:
                _append(self._stream, self._writer.head())
            self._stream.close()
            final = self._writer.finish(self._partial)
            sync(final)
            size = final.stat().st_size
            counts = {"lines": lines, "skipped": skipped, "final_bytes": size}
            self._save(done.model_copy(update=counts))
            replace_file(final, self._output)
        except OSError as error:
            raise UserError(
                f"{self._output}: cannot be written: {error.strerror}; "
                f"{done.rows} rows are kept, continue with --resume"
            ) from None
        _remove_leftovers(self._output, done.bad)

    def _save(self, progress: JournalProgress) -> None:
        write_atomically(with_suffix_added(self._output, ".progress.json"), progress.to_json())
        self.progress = progress


def encode_outcomes(
    writer: RowWriter, outcomes: Sequence[OutputRow | BadRow]
) -> tuple[bytes, list[BadRow]]:
    """The bytes of the rows, and the bad rows, with those that the writer cannot represent."""
    rows = [row for row in outcomes if isinstance(row, OutputRow)]
    data, reasons = writer.encode(rows)
    errors = {
        id(rows[index]): BadRow(rows[index].file, rows[index].record, reason)
        for index, reason in reasons.items()
    }
    bad = (row if isinstance(row, BadRow) else errors.get(id(row)) for row in outcomes)
    return data, [row for row in bad if row is not None]


def _remove_leftovers(output: Path, bad: int) -> None:
    """Remove what a finished job needs no more. The progress is the last, as it describes the
    others."""
    for suffix in (".partial", ".partial.parquet"):
        with_suffix_added(output, suffix).unlink(missing_ok=True)
    if not bad:
        with_suffix_added(output, ".errors.jsonl").unlink(missing_ok=True)
    with_suffix_added(output, ".progress.json").unlink(missing_ok=True)


def _open_at(path: Path, size: int) -> IO[bytes]:
    stream = path.open("r+b" if path.exists() else "w+b")
    stream.truncate(size)
    stream.seek(size)
    return stream


def _append(stream: IO[bytes], data: bytes) -> None:
    stream.write(data)
    stream.flush()
    os.fsync(stream.fileno())
