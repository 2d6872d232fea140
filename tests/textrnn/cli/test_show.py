"""The output of `textrnn predict`, on a terminal and in a pipe."""

import io
import json

import textrnn
from textrnn.cli.show import show
from textrnn.io.records import Record


class Terminal(io.StringIO):
    """Records each write."""

    def __init__(self):
        super().__init__()
        self.writes = []

    def isatty(self):
        return True

    def write(self, text):
        self.writes.append(text)
        return super().write(text)


def test_text_is_streamed_to_a_terminal(generate_bundle):
    """Fails if the text is printed only at the end, or differs from the output to a pipe."""
    model, options = textrnn.load(generate_bundle), {"seed": 1, "max_characters": 30}
    terminal, pipe = Terminal(), io.StringIO()
    show(model, Record(1, {"text": "cat "}), options, terminal, alignment=False)
    show(model, Record(1, {"text": "cat "}), options, pipe, alignment=False)
    answer = json.loads(pipe.getvalue())
    assert terminal.getvalue() == "cat " + answer["text"] + "\n"
    assert len([text for text in terminal.writes if text.strip()]) >= 4


def test_control_characters_in_a_prompt_are_replaced(generate_bundle):
    terminal = Terminal()
    options = {"max_characters": 1}
    show(
        textrnn.load(generate_bundle),
        Record(1, {"text": "\x1b[2Jcat"}),
        options,
        terminal,
        alignment=False,
    )
    assert terminal.getvalue().startswith("\u241b[2Jcat")


def test_entities_are_coloured_only_on_a_terminal(tag_bundle):
    model, text = textrnn.load(tag_bundle), "Bob lives in Oslo"
    terminal, pipe = Terminal(), io.StringIO()
    show(model, Record(1, {"text": text}), {}, terminal, alignment=False)
    show(model, Record(1, {"text": text}), {}, pipe, alignment=False)
    assert "PER" in terminal.getvalue()
    assert [e["text"] for e in json.loads(pipe.getvalue())["entities"]] == ["Bob", "Oslo"]
