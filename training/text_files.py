"""Whole texts: a file, or all the text files of a folder, each one row."""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

from textrnn.errors import UserError
from textrnn.tasks import Row

_ROWS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""Endings of files that hold a text in each row."""


def is_text(path: Path) -> bool:
    """Whether a file is one text from beginning to end, rather than one in each of its rows."""
    return not path.name.removesuffix(".gz").endswith(_ROWS)


def files_of(path: Path) -> list[Path]:
    """A file itself, or the files below a folder, hidden ones left out, by name."""
    if not path.is_dir():
        return [path]
    return sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )


def read_texts(path: Path) -> Iterator[tuple[Path, str | None]]:
    """The text of each file, None for one that is not UTF-8 or that is empty."""
    for file in files_of(path):
        try:
            raw = file.read_bytes()
            text = (gzip.decompress(raw) if file.name.endswith(".gz") else raw).decode()
        except UnicodeDecodeError:
            yield file, None
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(f"{file}: cannot be read: {reason}") from None
        else:
            text = text.replace("\r\n", "\n")
            yield file, None if "\0" in text or not text else text


def by_position(rows: Sequence[Row], start: float, end: float) -> list[Row]:
    """What of the texts of rows, one after the other, lies between two shares of their characters.

    >>> by_position([{"text": "abcd"}, {"text": "efghij"}], 0.3, 0.5)
    [{'text': 'd'}, {'text': 'e'}]
    """
    total = sum(len(row["text"]) for row in rows)
    first, last = int(start * total), int(end * total)
    cut, before = [], 0
    for row in rows:
        text = row["text"][max(first - before, 0) : max(last - before, 0)]
        before += len(row["text"])
        if text:
            cut.append({**row, "text": text})
    return cut
