"""The textrnn command as a person types it."""

import os
import subprocess
import sys


def textrnn(*arguments, stdin=None, cwd=None, **environment):
    return subprocess.run(
        [sys.executable, "-m", "textrnn", *map(str, arguments)],
        capture_output=True, text=True, input=stdin, cwd=cwd, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
