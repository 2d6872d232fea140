"""The lines of a text file: decompressed, decoded, limited in length and counted."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from textrnn.errors import UserError

STANDARD_STREAM = Path("-")
"""Standard input or output."""
MAX_LINE_CHARACTERS = 2**24
"""Longer lines are not kept in memory but reported."""

_GZIP = b"\x1f\x8b"
_NOT_TEXT = {
    b"PAR1": "a Parquet file; its format has to be parquet",
    b"PK\x03\x04": "a ZIP archive, as spreadsheets are; unpack it, or export it as CSV",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; decompress it first",
    b"\xfd7zXZ": "compressed with xz; decompress it first",
    b"BZh91AY&SY": "compressed with bzip2; decompress it first",
}
_ENCODINGS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""By byte order mark."""


class Line(NamedTuple):
    """A line of a text file."""

    number: int
    """From 1."""
    text: str
    """With its line end. Bytes that are not in the encoding are lone surrogates."""
    error: str | None = None
    """The reason why the line cannot be read; the text may then be incomplete."""


class Lines:
    """The lines of a file, or of standard input for the path `-`.

    Only a newline ends a line: text may contain other separators, such as U+0085. The encoding is
    UTF-8 unless the file begins as UTF-16 or UTF-32 does; gzip is recognised by its first bytes.

    Whoever reads the lines calls `skip` for those that belong to no record, so that every line is
    accounted for. Iterating raises UserError if the file cannot be read any further.
    """

    def __init__(self, path: Path):
        self.path = path
        self.read = 0
        """Number of lines read so far."""
        self.skipped = 0
        """Lines that belong to no record: headers, blank lines, comments."""
        self.columns: list[str] | None = None
        """The columns of a table, once its header is read."""

    def skip(self, count: int = 1) -> None:
        self.skipped += count

    def __iter__(self) -> Iterator[Line]:
        self.read = self.skipped = 0
        try:
            with _open(self.path) as stream:
                while text := stream.readline(MAX_LINE_CHARACTERS + 1):
                    self.read += 1
                    error = encoding_error(text)
                    if len(text) > MAX_LINE_CHARACTERS:
                        text, error = "", f"has more than {MAX_LINE_CHARACTERS:,} characters"
                        _discard_line(stream)
                    yield Line(self.read, text, error)
        except gzip.BadGzipFile:
            raise UserError(
                f"{self.path}: after line {self.read:,}, the compressed data are damaged, or are "
                "followed by other bytes, which `gzip -dc` ignores; compress the file again"
            ) from None
        except (OSError, EOFError, zlib.error, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            place = f"after line {self.read:,}, " if self.read else ""
            raise UserError(f"{self.path}: {place}cannot be read: {reason}") from None


def is_stream(path: Path) -> bool:
    """Whether `path` is `-`, a device or a pipe, rather than a file or the name of a new one."""
    if path == STANDARD_STREAM or str(path).startswith(("/dev/std", "/dev/fd/")):
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def encoding_error(text: str) -> str | None:
    """The reason why a line, or a part of it, is not in its encoding, or None if it is."""
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) - 0xDC00
        return f"is not UTF-8: byte 0x{byte:02x} at character {error.start + 1}"
    return None


@contextmanager
def _open(path: Path) -> Iterator[IO[str]]:
    with ExitStack() as stack:
        stream: Any = sys.stdin.buffer if path == STANDARD_STREAM else path.open("rb")
        stack.enter_context(stream)
        if stream.peek(2)[:2] == _GZIP:
            stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
        head = stream.peek(16)[:16]
        for magic, description in _NOT_TEXT.items():
            if head.startswith(magic):
                raise UserError(f"{path}: is not text but {description}")
        text = io.TextIOWrapper(stream, _encoding(head), errors="surrogateescape", newline="\n")
        yield stack.enter_context(text)


def _encoding(head: bytes) -> str:
    for mark, encoding in _ENCODINGS.items():
        if head.startswith(mark):
            return encoding
    # UTF-16 without a mark, by the pattern of zero bytes of two ASCII characters (as RFC 4627 did).
    if len(head) >= 4 and (head[0] == head[2] == 0) != (head[1] == head[3] == 0):
        return "utf-16-le" if head[1] == 0 else "utf-16-be"
    return "utf-8-sig"


def _discard_line(stream: IO[str]) -> None:
    while (rest := stream.readline(MAX_LINE_CHARACTERS)) and not rest.endswith("\n"):
        pass
