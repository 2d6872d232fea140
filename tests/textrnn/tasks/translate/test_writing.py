"""Capitals and final marks of a translation."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from textrnn.tasks.translate.writing import Writing, plain_writing, restore


@pytest.mark.parametrize(
    ("text", "plain", "writing"),
    [
        ("STOP IT!!!", "stop it!", Writing(True, True, "!!!")),
        ("ÖFFNUNGSZEITEN", "öffnungszeiten", Writing(True, False, "")),
        ("Really??", "Really?", Writing(False, False, "??")),
        ("Really?!", "Really?", Writing(False, False, "?!")),
        ("Well...", "Well...", Writing(False, False, "...")),
        ("Please wait", "Please wait", Writing(False, True, "")),
        ("please Wait", "please Wait", Writing(False, False, "")),
        ("7 Days left", "7 Days left", Writing(False, False, "")),
        ("I am here at 8 a.m.", "I am here at 8 a.m.", Writing(False, True, None)),
        ('She said: "No!"', 'She said: "No!"', Writing(False, True, None)),
        ("USA", "USA", Writing(False, False, "")),
        ("OK", "OK", Writing(False, False, "")),
        ("I", "I", Writing(False, False, "")),
        ("I AM", "i am", Writing(True, True, "")),
        ("東京", "東京", Writing(False, False, "")),
    ],
)
def test_plain_writing(text, plain, writing):
    assert plain_writing(text) == (plain, writing)


@given(st.text(max_size=30))
@example("Well..")
@example("İST DA!!")
@example("Gut?…")
def test_characters_before_the_marks_keep_their_places(text):
    """Fails if a letter whose lower case is longer moves the spans of tokens, as in İ."""
    plain, _ = plain_writing(text)
    kept = len(plain.rstrip(".!?…‽"))
    assert len(plain) <= len(text)
    assert all(a in (b, b.lower()) for a, b in zip(plain[:kept], text, strict=False))


@pytest.mark.parametrize(
    ("tokens", "writing", "text"),
    [
        (["▁bitte", "▁warten", "."], Writing(False, True, ""), "Bitte warten"),
        (["▁hör", "▁auf", "."], Writing(True, True, "!!!"), "HÖR AUF!!!"),
        (["▁Hallo", "▁", "{name}", "!"], Writing(True, True, "!"), "HALLO {name}!"),
        (["▁", "{name}", "▁da"], Writing(False, True, ""), "{name} da"),
        (["▁", "{name}", "▁da"], Writing(False, True, "", after_copied=True), "{name} Da"),
        (["▁„", "ach", "▁so"], Writing(False, True, None), "„Ach so"),
        (["▁um", "▁8", "▁a.m."], Writing(False, False, ""), "um 8 a.m."),
        (["▁Gut", ".", ".", "."], Writing(False, False, "."), "Gut."),
        (["▁Ja", "!?"], Writing(False, False, "??"), "Ja??"),
        (["▁Ja", "."], Writing(False, False, None), "Ja."),
        (["▁Ja", "▁", "{name}"], Writing(False, False, "."), "Ja {name}."),
        (["▁¿", "cómo", "▁está", "s", "?"], Writing(False, False, ""), "cómo estás"),
        (["▁¿", "cómo", "▁estás", "?"], Writing(False, True, "??"), "¿Cómo estás??"),
        (["▁hola", ",", "▁¿", "qué", "▁tal", "?"], Writing(False, True, ""), "Hola, qué tal"),
        (["▁¿", "sí", "?", "▁no", "."], Writing(False, False, ""), "¿sí? no"),
    ],
)
def test_restore(tokens, writing, text):
    """Fails if a literal is written in capitals, or if a translation gets marks of its own."""
    fixed = {place for place, token in enumerate(tokens) if token == "{name}"}
    assert "".join(restore(tokens, fixed, writing)).replace("▁", " ").strip() == text
