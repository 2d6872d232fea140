"""Translated files, until their clients have fetched them.

All workers of a server share them. As a client may fetch a file without a key, its name is a
secret: 128 random bits.
"""

import os
import re
import secrets
import tempfile
import time
from functools import cached_property
from pathlib import Path

from service.errors import Problem

FILES_FOLDER_VARIABLE = "TRANSLATED_FILES_DIR"
"""The variable that names the folder that several workers share."""
_SECONDS = 1800
"""How long a file is kept."""
_MAX_BYTES = 64 * 2**20
"""Of all files together."""
_NAME = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9._-]{1,100}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class TranslatedFiles:
    """Files in a folder, which ends with the server."""

    @cached_property
    def _folder(self) -> Path:
        shared = os.environ.get(FILES_FOLDER_VARIABLE)
        if shared:
            return Path(shared)
        self._own = tempfile.TemporaryDirectory(prefix="textrnn-files-")
        return Path(self._own.name)

    def add(self, name: str, content: bytes) -> str:
        """Keep a file, and return the name by which it is found. Raises Problem 429."""
        kept = 0
        for path in self._folder.iterdir():
            try:
                stat = path.stat()
                if stat.st_mtime < time.time() - _SECONDS:
                    path.unlink()
                else:
                    kept += stat.st_size
            except FileNotFoundError:  # another worker has removed it
                continue
        if kept + len(content) > _MAX_BYTES:
            raise Problem(
                429,
                "too_many_files",
                "too many translated files are kept; try again later",
                headers={"retry-after": "60"},
            )
        unique = f"{secrets.token_urlsafe(16)}.{_UNSAFE.sub('_', name)[-100:]}"
        temporary = self._folder / f".{unique}"
        temporary.write_bytes(content)
        temporary.rename(self._folder / unique)
        return unique

    def get(self, name: str) -> bytes:
        """The content of a file. Raises Problem 404."""
        if _NAME.fullmatch(name):
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                pass
        raise Problem(404, "no_such_file", "there is no such file, or it has expired")
