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
    """`textrnn serve` on a free port, or another command that comes to it, with what it has said
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
        self.said: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.said.append(line.rstrip())
                self._news.notify_all()
        with self._news:
            self.said.append("<end>")
            self._news.notify_all()

    def wait_for(self, part: str) -> str:
        """The first line that holds `part`."""

        def found() -> str | None:
            return next((line for line in self.said if part in line), None)

        with self._news:
            self._news.wait_for(lambda: found() or "<end>" in self.said, timeout=120)
        line = found()
        assert line is not None, f"the server never said {part!r}, but {self.said}"
        return line

    @property
    def url(self) -> str:
        return self.wait_for("listening on").rsplit(" ", 1)[1]

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60)

    def end(self) -> None:
        """Kill it, and what it has started."""
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
    """A server that is ready. It is killed at the end, if it has not ended by itself."""
    server = Server(*arguments, **environment)
    try:
        server.wait_for("ready (")
        yield server
    finally:
        server.end()
