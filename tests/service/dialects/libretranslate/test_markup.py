"""HTML in which texts are replaced and markup is kept."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.dialects.libretranslate.markup import texts_of, with_texts

PAGE = """<!-- a < b --><p class="x">A <b>fine</b>
film &amp; more &eacute;&#33;</p><br/><script>if (a < b) { "text" }</script>
<pre> as  it is </pre><p title="not > this">Caf\u00e9 \U0001f44d</p>"""


def test_texts_between_markup():
    assert [text for text in texts_of(PAGE) if text.strip()] == [
        "A ", "fine", "\nfilm & more \u00e9!", "Caf\u00e9 \U0001f44d",
    ]  # fmt: skip


def test_markup_is_unchanged():
    """Fails if a tag, an attribute, a comment or code is changed."""
    changed = with_texts(PAGE, [text.upper() for text in texts_of(PAGE)])
    assert (
        changed
        == """<!-- a < b --><p class="x">A <b>FINE</b>
FILM &amp; MORE \u00c9!</p><br/><script>if (a < b) { "text" }</script>
<pre> as  it is </pre><p title="not > this">CAF\u00c9 \U0001f44d</p>"""
    )


def test_translations_are_escaped():
    assert with_texts("<p>a</p>", ["<script>"]) == "<p>&lt;script&gt;</p>"


@given(st.text("ab<>&;/ \n\"'=!-#x3\u00e9\U0001f44d", max_size=60))
def test_any_text_is_accepted_as_html(markup):
    """Fails if spans overlap, or are not those of the parser."""
    texts = texts_of(markup)
    again = with_texts(markup, texts)
    assert [html.unescape(text) for text in texts_of(again)] == [html.unescape(t) for t in texts]


@pytest.mark.parametrize("markup", ["", "plain", "a < b", "<p", "&nbsp", "<p>unclosed <b>tags"])
def test_malformed_markup_is_kept(markup):
    assert with_texts(markup, texts_of(markup)).count("<p>") == markup.count("<p>")
