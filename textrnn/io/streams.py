"""Write rows to standard output or a pipe, which nothing can be resumed from."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Self

from textrnn.errors import UserError
from textrnn.io.journal import BadRow, JournalProgress, encode_outcomes
from textrnn.io.lines import STANDARD_STREAM
from textrnn.io.writers import OutputRow, RowWriter


class StreamOutput:
    """Rows to a stream, bad rows to standard error. It has the interface of `Journal`."""

    def __init__(self, output: Path, writer: RowWriter):
        self.progress = JournalProgress(job={}, layout=writer.layout)
        self._output = output
        self._writer = writer

    def __enter__(self) -> Self:
        try:
            self._stream: BinaryIO = (
                sys.stdout.buffer if self._output == STANDARD_STREAM else self._output.open("ab")
            )
        except OSError as error:
            raise UserError(f"{self._output}: cannot be written: {error.strerror}") from None
        self._write(self._writer.head())
        return self

    def __exit__(self, *_: object) -> None:
        if self._output != STANDARD_STREAM:
            self._stream.close()

    def write(self, outcomes: Sequence[OutputRow | BadRow], strict: bool) -> None:
        """Write a chunk. With `strict`, raises UserError if there is a bad row."""
        data, bad = encode_outcomes(self._writer, outcomes)
        if bad and strict:
            raise UserError(f"{bad[0].place}: {bad[0].error} (stopped because of --strict)")
        self._write(data)
        for row in bad:
            print(row.to_json(), end="", file=sys.stderr)
        self.progress = self.progress.plus(len(outcomes), bad)

    def commit(self, lines: int = 0, skipped: int = 0) -> None:
        counts = {"lines": lines, "skipped": skipped}
        self.progress = self.progress.model_copy(update=counts)

    def _write(self, data: bytes) -> None:
        try:
            self._stream.write(data)
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise UserError(f"{self._output}: cannot be written: {error.strerror}") from None
