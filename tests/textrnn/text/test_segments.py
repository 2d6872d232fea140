"""Which line breaks end what stands by itself, and which wrapped a text."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.text.segments import segments

PROSE = (
    "It was a dark and stormy night; the rain fell in torrents, except at occasional intervals, "
    "when it was checked by a violent gust of wind which swept up the streets (for it is in London "
    "that our scene lies), rattling along the housetops, and fiercely agitating the scanty flame "
    "of the lamps that struggled against the darkness."
)
NOUNS = (
    "Vor dem Gesetz steht ein Torwart. Zu diesem Torwart kommt ein Mann vom Land und bittet um "
    "Eintritt in das Gesetz. Aber der Torwart sagt, dass er ihm jetzt den Eintritt nicht gewähren "
    "kann."
)


def split(text):
    return [text[start:end].strip() for start, end in segments(text)]


@pytest.mark.parametrize("columns", [45, 60, 70, 72, 80, 100])
@pytest.mark.parametrize("text", [PROSE, NOUNS, PROSE.removesuffix("."), f"- {PROSE}"])
def test_wrapped_prose_is_one_segment(text, columns):
    wrapped = textwrap.fill(text, columns)
    assert split(wrapped) == [wrapped]
    assert split(f"A title\n\n{wrapped}\n\nAda King") == ["A title", "", wrapped, "", "Ada King"]


def test_the_lines_of_wrapped_paragraphs_and_items():
    """Fails if an indent or the mark of an item is taken for a wrapped line, or the reverse."""
    first, second = textwrap.fill(PROSE, 70), textwrap.fill(NOUNS, 70, initial_indent="  ")
    assert split(f"{first}\n{second}") == [first, second.strip()]
    items = [textwrap.fill(f"{mark} {NOUNS}", 60, subsequent_indent="  ") for mark in ("*", "2.")]
    assert split("\n".join(items)) == items


@pytest.mark.parametrize(
    "lines",
    [
        ["Name: John Smith", "City: Boston"],
        ["Alice", "Bob", "Carol"],
        ["Cheers,", "Ben"],
        ["Ada King", "12 Baker Street", "London NW1 6XE", "United Kingdom"],
        ["- milk and bread from the shop around the corner", "- the rest of what is on the list"],
        ["1. London", "2. New York"],
        ["> She wrote that she would be there in the morning,", "> and that he should not wait."],
        ["Full name of the applicant: Ada Augusta King, Countess of", "Address: 12 Baker Street."],
        ["e-mail address of the person who is to be informed: a@b.co", "phone: 1234"],
        ["Storm Hits Florida Coast as Thousands Flee Their Homes", "Parliament Votes on Taxes"],
        ["One line is a paragraph here, " * 5, "and it is long. " * 9, "Each is. " * 20],
    ],
)
def test_lines_that_stand_by_themselves(lines):
    assert split("\n".join(lines)) == [line.strip() for line in lines]
    assert split("\r\n".join(lines)) == [line.strip() for line in lines]


def test_a_long_url_does_not_widen_its_block():
    """Fails if all lines beside it are shorter than the block, and therefore not wrapped."""
    text = f"See http://example.org/{'long/' * 15}\n{textwrap.fill(PROSE, 70)}"
    assert split(text) == [text]


def test_cells_of_tables():
    assert split("Name:\tTom Hanks\tCity:\t\tDallas") == ["Name:", "Tom Hanks", "City:", "Dallas"]


def test_line_breaks_in_markup_end_segments():
    """Fails if two lines of HTML are taken for one, or other markup for a line break."""
    assert split("Tom Hanks<br>Ada <b>King</b><br/>Bob") == [
        "Tom Hanks", "<br>", "Ada <b>King</b>", "<br/>", "Bob",
    ]  # fmt: skip
    assert split("Ada King | Office: London\na|b") == ["Ada King |", "Office: London", "a|b"]


def test_a_paragraph_separator_always_ends_a_segment():
    first, *rest = textwrap.wrap(PROSE, 70)
    assert split("\u2029".join([first, *rest])) == [first, *rest]


@given(st.text(st.sampled_from("ab A.,:-1\n\r\t|\u2028\x85\f") | st.characters(), max_size=200))
def test_segments_cover_the_text(text):
    spans = segments(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(start < end for start, end in spans)
