"""The segments of HTML."""

import pytest

from service.markup.segments import Segment, split_html


def segments(source):
    return [part for part in split_html(source) if isinstance(part, Segment)]


def texts(source):
    return [segment.text for segment in segments(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Click <b>here</b> to <a href=x>go</a>.", ["Click here to go."]),
        ("<ul><li>one<li>two</ul>three<div>four</div>", ["one", "two", "three", "four"]),
        ("<p>one\n two\t<b> three</b>\r\n</p>", ["one two three"]),
        ("one<br>two<wbr>three<img>four", ["one twothree four"]),
        ("one<br>\n<BR/>two", ["one", "two"]),
        ("a&nbsp;b &lt;c&gt; &#100;&eacute;", ["a\xa0b <c> d\xe9"]),
        ("<table><tr><td>a<td>1<tr><th>b</table>", ["a", "b"]),
        ("<select><option>a<option>b</select><button>c</button>", ["a", "b", "c"]),
        ("<title>a <b></title>b", ["a <b>", "b"]),
        ("a<script>b</script><style>c</style><!-- d --><svg><text>e</text></svg>f", ["af"]),
        ("<pre>a</pre><textarea>b</textarea><code>c</code> 1", []),
        ("Run <code>make x</code> now", ["Run XQ0X now"]),
        ("XQ0X is <code>a</code><kbd>b</kbd>", ["XQ0X is XQ1XXQ2X"]),
        ("a <b translate=no>b</b> <i class='c notranslate'></i> d", ["a XQ0X d"]),
        ("a <b data-translate=no>b</b> <i translate=yes>c</i>", ["a b c"]),
        ("<div translate='no'>a<div>b</div>c</div>d", ["d"]),
        ("<ul><li class=notranslate>a<li>b</ul>", ["b"]),
        ("<ul><li class=notranslate>a<b>b</ul>c", ["c"]),
        ("<p translate=no>a<p>b", ["b"]),
        ("a <svg/> b <code>c", ["a b XQ0X"]),
        ("", []),
        ("<p", []),
    ],
)
def test_texts(source, expected):
    assert texts(source) == expected


def test_the_source_is_kept_between_segments():
    """Fails if a tag, an attribute, a comment or white space is changed."""
    source = "<!doctype html>\n<P Class='x' y=\"&amp;\">\n one </p><!-- two --> <br/><hr>&eacute"
    parts = [
        part if isinstance(part, str) else (part.before, part.text, part.after)
        for part in split_html(source)
    ]
    assert parts == [
        "<!doctype html>\n", "<P Class='x' y=\"&amp;\">", ("\n ", "one", " "), "</p>",
        "<!-- two --> <br/>", "<hr>", ("", "\xe9", ""),
    ]  # fmt: skip


def test_inline_elements_have_spans():
    (segment,) = segments("one <i>two <b>three</b></i> <u></u>four<img>")
    outer, empty, image = segment.inlines
    (inner,) = outer.children
    spans = [segment.text[i.start : i.end] for i in (outer, inner, empty, image)]
    assert spans == ["two three", "three", "", ""]
    assert [(i.opening, i.closing) for i in (outer, inner, empty)] == [
        ("<i>", "</i>"), ("<b>", "</b>"), ("<u></u>", ""),
    ]  # fmt: skip
    assert (empty.space_before, empty.space_after) == (True, False)


def test_a_long_segment_is_cut():
    """Fails if work grows with the square of the number of elements in a paragraph."""
    source = "<b>a</b> " * 1000
    assert len(segments(source)) > 5
    assert "".join(texts(source)).replace(" ", "") == "a" * 1000
