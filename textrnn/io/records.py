"""Records, and the numbered lines of text files that they are read from."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Record(NamedTuple):
    """One row of a file: its fields, or the reason why it cannot be read."""

    line: int
    """The line where it begins, or the line of the error, from 1; in Parquet the row number."""
    fields: dict[str, Any]
    error: str | None = None


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file, or of a gzip file, numbered from 1.

    Only a newline ends a line: text may contain other separators, such as U+0085. Bytes that are
    not UTF-8 become lone surrogates, which `encoding_error` reports.
    """
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rb") as stream:
        for number, raw in enumerate(stream, start=1):
            line = raw.decode("utf-8", errors="surrogateescape")
            if number == 1:
                line = line.removeprefix("\ufeff")
            yield number, line


def encoding_error(text: str) -> str | None:
    """The reason why a line, or a part of it, is not UTF-8, or None if it is."""
    if text.isascii():
        return None
    for index, char in enumerate(text):
        if "\udc80" <= char <= "\udcff":
            return f"is not UTF-8: byte 0x{ord(char) - 0xDC00:02x} at character {index + 1}"
    return None
