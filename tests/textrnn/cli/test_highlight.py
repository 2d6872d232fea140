import os
import pty
import subprocess
import sys

import pytest

from textrnn.cli.highlight import highlight

TEXT = "Ada met\x1b[31mBob\x07\x9b in \U0001f44d Rome."
ENTITIES = [
    {"text": "Ada", "label": "PER", "start": 0, "end": 3, "score": 0.987},
    {"text": "Rome", "label": "LOC", "start": 23, "end": 27, "score": 0.5},
]


def test_entities_are_highlighted_in_the_text():
    shown = highlight(TEXT, ENTITIES, ["LOC", "PER"])
    assert shown.plain.startswith("Ada PER 0.99 met")
    assert shown.plain.endswith("\U0001f44d Rome LOC 0.50.")
    colours = {shown.plain[span.start : span.end]: str(span.style) for span in shown.spans}
    assert colours["Ada"] != colours["Rome"]


def test_control_characters_in_text_are_replaced():
    """Fails if an escape sequence in a text reaches the terminal."""
    plain = highlight(TEXT, ENTITIES, ["LOC", "PER"]).plain
    assert "\x1b" not in plain
    assert "\x07" not in plain
    assert "\x9b" not in plain
    assert "\u241b[31mBob" in plain


@pytest.mark.process
def test_predict_is_in_colour_on_a_terminal(tag_bundle):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "textrnn", "predict", str(tag_bundle), "Bob lives in Rome"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    environment.pop("NO_COLOR", None)
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, env=environment)
    assert done.returncode == 0, done.stderr
    os.close(theirs)
    printed = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "\x1b[" in printed
    assert "LOC" in printed
    assert "{" not in printed
