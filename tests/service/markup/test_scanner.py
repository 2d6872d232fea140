"""The tokens of HTML source."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.markup.scanner import TokenKind, scan_html

TEXT, START, END, OTHER = TokenKind.TEXT, TokenKind.START, TokenKind.END, TokenKind.OTHER


@pytest.mark.parametrize(
    ("source", "tokens"),
    [
        ("a < b", [(TEXT, "a < b")]),
        ("<p class='x>y'>t</P >", [(START, "<p class='x>y'>"), (TEXT, "t"), (END, "</P >")]),
        ("<a b=c'd e>f", [(START, "<a b=c'd e>"), (TEXT, "f")]),
        ("<a b==c>d", [(START, "<a b==c>"), (TEXT, "d")]),
        ("<!-- <b> --><!-->a", [(OTHER, "<!-- <b> -->"), (OTHER, "<!-->"), (TEXT, "a")]),
        ("<!doctype html><?x?></>", [(OTHER, "<!doctype html>"), (OTHER, "<?x?>"), (OTHER, "</>")]),
        (
            "<SCRIPT>if (a</b>) '</scripts>'</script >c",
            [
                (START, "<SCRIPT>"), (OTHER, "if (a</b>) '</scripts>'"), (END, "</script >"),
                (TEXT, "c"),
            ],
        ),
        ("<title>a <b></title>", [(START, "<title>"), (TEXT, "a <b>"), (END, "</title>")]),
        ("<textarea><b>", [(START, "<textarea>"), (OTHER, "<b>")]),
        ("a<b c='", [(TEXT, "a"), (OTHER, "<b c='")]),
        ("a<!-- b", [(TEXT, "a"), (OTHER, "<!-- b")]),
        ("a</", [(TEXT, "a</")]),
    ],
)  # fmt: skip
def test_tokens(source, tokens):
    assert [(t.kind, source[t.start : t.end]) for t in scan_html(source)] == tokens


@settings(max_examples=200, deadline=None)
@given(st.text("ab<>/!-?= \n\"'", max_size=40))
def test_tokens_cover_the_source(source):
    tokens = list(scan_html(source))
    assert "".join(source[token.start : token.end] for token in tokens) == source
    assert all(token.start < token.end for token in tokens)


@pytest.mark.parametrize("part", ["<a ", "<a b='", "<!--", "</a ", "<!", "<script>", "<a =", "<"])
def test_unfinished_markup_is_read_once(part):
    """Fails if it is read again from each of its characters, which takes hours for this length."""
    assert len(list(scan_html(part * 300_000))) <= 2
