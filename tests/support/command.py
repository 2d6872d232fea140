"""The textrnn command, in a process of its own or in this one."""

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest


def textrnn(*arguments, stdin=None, cwd=None, **environment):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "textrnn", *map(str, arguments)],
        capture_output=True, text=True, input=stdin, cwd=cwd, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def textrnn_here(*arguments, stdin=None, cwd: Path | None = None, **environment):
    """Run the command in this process, which saves the start of an interpreter, and which is not
    restarted for huge pages.

    Nothing is replaced: arguments, streams, working directory and environment are set as a shell
    sets them. An exception that `main` lets through would be a traceback and fails the test.
    """
    from textrnn.cli.main import main

    command = ["textrnn", *map(str, arguments)]
    with (
        pytest.MonkeyPatch.context() as patch,
        chdir(cwd or Path.cwd()),
        redirect_stdout(io.TextIOWrapper(io.BytesIO(), write_through=True)) as output,
        redirect_stderr(io.StringIO()) as errors,
    ):
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", command)
        raw = stdin if isinstance(stdin, bytes) else (stdin or "").encode()
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(raw))))
        with pytest.raises(SystemExit) as end:
            main()
    status = end.value.code
    assert isinstance(status, int)
    printed = output.buffer.getvalue().decode()
    return subprocess.CompletedProcess(command, status, printed, errors.getvalue())
