"""Download one file over HTTP, resumable and verified.

The usual library for this, pooch, does not resume a partial download.
"""

import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from textrnn.errors import UserError
from textrnn.io.files import digest, replace_file, with_suffix_added

CHUNK_BYTES = 2**18


def download(
    url: str,
    path: Path,
    expected_digest: str | None = None,
    on_progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> None:
    """Download `url` to `path`, unless it exists; resume an interrupted download.

    `expected_digest` is "md5:..." or "sha256:...". `on_progress` gets the bytes received so far and
    the total, if known. Raises UserError if the server fails, the connection breaks or the digest
    differs; a partial download is kept, except if the digest differs.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = with_suffix_added(path, ".partial")
    try:
        _receive(url, partial, on_progress)
    except (OSError, ValueError) as error:
        kept = partial.stat().st_size if partial.exists() else 0
        raise UserError(
            f"{url}: cannot be downloaded: {getattr(error, 'reason', None) or error}; "
            f"{kept} bytes are kept; run the same command to resume"
        ) from None
    if expected_digest is not None:
        algorithm, _, expected = expected_digest.partition(":")
        actual = digest(partial, algorithm)
        if actual != expected:
            partial.unlink()
            raise UserError(
                f"{url}: is not the expected file: its {algorithm} is {actual}, not {expected}; "
                "the download was deleted"
            )
    replace_file(partial, path)


def _receive(url: str, partial: Path, on_progress: Callable[[int, int | None], None]) -> None:
    begin = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"range": f"bytes={begin}-"} if begin else {})
    try:
        response = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        if error.code == 416 and begin:  # the partial file is complete already
            return
        raise
    with response:
        if begin and response.status != 206:
            begin = 0  # the server does not support ranges
        length = response.headers.get("content-length")
        total = begin + int(length) if length is not None else None
        with partial.open("r+b" if begin else "wb") as out:
            out.seek(begin)
            while chunk := response.read(CHUNK_BYTES):
                out.write(chunk)
                on_progress(out.tell(), total)
            done = out.tell()
    if total is not None and done != total:
        raise ValueError(f"the connection closed after {done} of {total} bytes")
