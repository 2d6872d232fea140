"""Whole files as texts: one file, or all files of a folder."""

import gzip
from collections.abc import Iterator
from pathlib import Path

from textrnn.errors import UserError
from textrnn.io.formats import find_format


def is_text(path: Path) -> bool:
    """Whether a file is one text, rather than a table with a text in each row."""
    file_format = find_format(path)
    return file_format is None or not file_format.tabular


def files_of(path: Path) -> list[Path]:
    """The file itself, or the files below a folder by name, without hidden ones."""
    if not path.is_dir():
        return [path]
    return sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )


def read_texts(path: Path) -> Iterator[tuple[Path, str | None]]:
    """The text of each file; None if it is not UTF-8 or is empty. Raises UserError."""
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
