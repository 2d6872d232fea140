"""Capitals and final marks of a translation."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from textrnn.tasks.translate.writing import Writing, plain_writing, restore


@pytest.mark.parametrize(
    ("text", "plain", "capitals", "marks"),
    [
        ("STOP IT!!!", "stop it!", True, "!!!"),
        ("ÖFFNUNGSZEITEN", "öffnungszeiten", True, ""),
        ("Really??", "Really?", False, "??"),
        ("Really?!", "Really?", False, "?!"),
        ("Well...", "Well...", False, "..."),
        ("Please wait", "Please wait", False, ""),
        ("I am here at 8 a.m.", "I am here at 8 a.m.", False, None),
        ('She said: "No!"', 'She said: "No!"', False, None),
        ("USA", "USA", False, ""),
        ("OK", "OK", False, ""),
        ("I", "I", False, ""),
        ("I AM", "i am", True, ""),
        ("東京", "東京", False, ""),
    ],
)
def test_plain_writing(text, plain, capitals, marks):
    assert plain_writing(text) == (plain, Writing(capitals, marks))


@given(st.text(max_size=30))
@example("Well..")
@example("Gut?…")
def test_characters_before_the_marks_keep_their_places(text):
    """Fails if a letter whose lower case is longer moves the spans of tokens, as in İ."""
    plain, _ = plain_writing(text)
    kept = len(plain.rstrip(".!?…‽"))
    assert len(plain) <= len(text)
    assert plain[:kept].casefold() == text[:kept].casefold() or len(plain) == len(text)


@pytest.mark.parametrize(
    ("tokens", "writing", "text"),
    [
        (["▁Bitte", "▁warten", "."], Writing(False, ""), "Bitte warten"),
        (["▁hör", "▁auf", "."], Writing(True, "!!!"), "HÖR AUF!!!"),
        (["▁Hallo", "▁", "{name}", "!"], Writing(True, "!"), "HALLO {name}!"),
        (["▁um", "▁8", "▁a.m."], Writing(False, ""), "um 8 a.m."),
        (["▁Gut", ".", ".", "."], Writing(False, "."), "Gut."),
        (["▁Ja", "!?"], Writing(False, "??"), "Ja??"),
        (["▁Ja", "."], Writing(False, None), "Ja."),
        (["▁Ja", "▁", "{name}"], Writing(False, "."), "Ja {name}."),
    ],
)
def test_restore(tokens, writing, text):
    """Fails if a literal is written in capitals, or if a translation gets marks of its own."""
    assert "".join(restore(tokens, ["{name}"], writing)).replace("▁", " ").strip() == text
