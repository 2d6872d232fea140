"""A real server process for tests."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx


class Server:
    """`textrnn serve` on a free port, or another command that starts it, with the lines of its log
    so far."""

    def __init__(
        self,
        *arguments: str,
        command: Sequence[str] = (sys.executable, "-m", "textrnn", "serve", "--port", "0"),
        cwd: Path | None = None,
        **environment: str,
    ):
        self.process = subprocess.Popen(
            [*command, *arguments],
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip())
                self._changed.notify_all()
        with self._changed:
            self.lines.append("<end>")
            self._changed.notify_all()

    def wait_for(self, part: str) -> str:
        """The first line that contains `part`."""

        def result() -> str | None:
            return next((line for line in self.lines if part in line), None)

        with self._changed:
            self._changed.wait_for(lambda: result() or "<end>" in self.lines, timeout=300)
        line = result()
        assert line is not None, f"the server never logged {part!r}, but {self.lines}"
        return line

    @property
    def url(self) -> str:
        return self.wait_for("listening on").rsplit(" ", 1)[1]

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60)

    def end(self) -> None:
        """Kill it, and the processes that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[Server]:
    """Yields a server that is ready, which is killed at the end if it still runs."""
    server = Server(*arguments, **environment)
    try:
        server.wait_for("ready (")
        yield server
    finally:
        server.end()
