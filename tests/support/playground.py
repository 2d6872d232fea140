"""Shared by the tests of the playground."""

import shutil
import subprocess

import pytest

TASKS = {
    "classify": {"text": "the plot was lovely and the ending was awful"},
    "tag": {"text": "Ada Lovelace lives in Rome"},
    "translate": {"text": "one two 17 red", "alternatives": "1"},
    "generate": {"prompt": "cat dog ", "max_characters": "40", "seed": "3"},
}


def shell(command, **environment):
    if shutil.which("curl") is None:
        pytest.skip("no curl on the path")
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, timeout=60, env={"PATH": "/usr/bin:/bin"}
        | environment, check=True,
    )  # fmt: skip
    return done.stdout.decode()
