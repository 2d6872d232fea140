import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.text.passages import passages, rejoin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two!  Three", ["One.", "Two!", "Three"]),
        ("Dear Ada,\n\n  how are you?\r\n-- \nBob", ["Dear Ada,", "how are you?", "Bob"]),
        ("* * *\n42\nYes.", ["Yes."]),
        ("no stop\nhere", ["no stop", "here"]),
        (" \n ", []),
        ("First<br>Second <b>line</b><BR />", ["First", "Second <b>line</b>"]),
        (
            "Ein Satz, den ein Programm nach sechzig Zeichen im\nAnschluss umbrach. Und noch\n"
            "einer.",
            [
                "Ein Satz, den ein Programm nach sechzig Zeichen im\nAnschluss umbrach.",
                "Und noch",
                "einer.",
            ],
        ),
        ("Am 3. Mai kam er. Um 9. Dann ging er.", ["Am 3. Mai kam er.", "Um 9.", "Dann ging er."]),
        ("Wir haben z. B. Nr. 5 und 6. Mehr?", ["Wir haben z. B. Nr. 5 und 6.", "Mehr?"]),
    ],
)
def test_sentences_and_lines(text, expected):
    assert [text[start:end] for start, end in passages(text)] == expected


@given(st.text(max_size=200))
def test_text_between_sentences_is_kept(text):
    """Fails if white space, a line break or a symbol between sentences is lost."""
    spans = passages(text)
    assert rejoin(text, spans, [text[start:end] for start, end in spans]) == text
    marked = rejoin(text, spans, ["\x00"] * len(spans))
    kept = "".join(c for c in text if c.isspace())
    inside = "".join(c for start, end in spans for c in text[start:end] if c.isspace())
    assert len(kept) - len(inside) == sum(c.isspace() for c in marked)


@pytest.mark.slow
def test_time_is_linear_in_the_lines():
    """Fails, by hanging, if the whole text is read again for every line."""
    assert len(passages("A line.\n" * 200_000)) == 200_000
