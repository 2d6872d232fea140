"""The text of HTML, with offsets into its source."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.text.html_text import html_text

PIECES = [
    *"<>&;#!-/ \n", "a", "é", "&amp;", "&lt;", "&eacute;", "&#769;", "&#x1F600;", "&#0;",
    "&nosuch;", "<b>", "</b>", "<p>", "<br/>", "<!--", "-->", "<script>", "</script>", "<style",
    "<a href='&amp;'>",
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>Caf&eacute; <b>New</b> York</p><p>R&amp;D</p>", "\nCafé New York\n\nR&D\n"),
        ("AT&T &copy 1 &lt;b&gt; &#65;&#x42;", "AT&T &copy 1 <b> AB"),
        ("a<!-- <b> --> b<script>if (x<y) {}</script>c", "a\n b\nc"),
        ("1 < 2 <3 a<b <base>", "1 < 2 <3 a<b \n"),
        ("x<span class='a>b'>y", "xb'>y"),
        ("<!-- open", "\n"),
    ],
)
def test_text(source, text):
    assert html_text(source).text == text


def test_spans_include_references_and_the_tags_within():
    source = "in <b>New</b> Y&ouml;rk&#769;."
    text = html_text(source)
    start = text.text.index("New")
    ((first, last),) = text.original([(start, len(text.text) - 1)]).tolist()
    assert source[first:last] == "New</b> Y&ouml;rk&#769;"


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_every_character_is_where_its_span_is(source):
    """Fails if an offset is wrong: each span is the character itself, its reference or markup."""
    normalized = html_text(source)
    spans = normalized.original([(i, i + 1) for i in range(len(normalized.text))]).tolist()
    for char, (start, end) in zip(normalized.text, spans, strict=True):
        sent = source[start:end]
        assert html.unescape(sent) == char or (char == "\n" and sent[0] == "<")


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["<", "<!--", "<a", "<a ", "<script>", "<style", "&", "&a", "&#1"])
def test_time_is_linear(unit):
    """Fails, by hanging, if what is not closed is searched for its end again and again."""
    assert html_text(unit * 500_000).text
