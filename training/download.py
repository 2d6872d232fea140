"""One file over HTTP: resumed where it broke off, checked before it gets its name."""

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from textrnn.errors import UserError

PIECE = 2**18


def download(
    url: str,
    path: Path,
    digest: str | None = None,
    on_progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> None:
    """Fetch `url` to `path`, unless it is there. What a broken download left is continued.

    `digest` is "md5:..." or "sha256:...". Raises UserError where the server fails, breaks off, or
    sends something else than expected; what came so far is kept for the next try.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        _receive(url, partial, on_progress)
    except (OSError, ValueError) as error:
        kept = partial.stat().st_size if partial.exists() else 0
        raise UserError(
            f"{url}: cannot be fetched: {getattr(error, 'reason', None) or error}; "
            f"{kept} bytes are kept, the same command goes on from there"
        ) from None
    if digest is not None:
        kind, _, expected = digest.partition(":")
        with partial.open("rb") as stream:
            found = hashlib.file_digest(stream, kind).hexdigest()
        if found != expected:
            partial.unlink()
            raise UserError(
                f"{url}: is not the file that was expected: its {kind} is {found}, not {expected}; "
                "nothing is kept"
            )
    partial.replace(path)


def _receive(url: str, partial: Path, on_progress: Callable[[int, int | None], None]) -> None:
    begin = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"range": f"bytes={begin}-"} if begin else {})
    try:
        response = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        if error.code == 416 and begin:  # there is nothing after what we have
            return
        raise
    with response:
        if begin and response.status != 206:
            begin = 0  # this server cannot continue
        length = response.headers.get("content-length")
        total = begin + int(length) if length is not None else None
        with partial.open("r+b" if begin else "wb") as out:
            out.seek(begin)
            while piece := response.read(PIECE):
                out.write(piece)
                on_progress(out.tell(), total)
            done = out.tell()
    if total is not None and done != total:
        raise ValueError(f"the connection broke off after {done} of {total} bytes")
