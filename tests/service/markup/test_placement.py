"""Markup in translations."""

import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.markup.placement import escape, translated
from service.markup.segments import PLACEHOLDER, Segment, split_html
from textrnn.text.treebank import treebank_tokens


def aligned(source, target, pairs):
    """One sentence whose target word `t` has the weight `w` for the source word `s`, for each
    `(t, s, w)`."""
    source_tokens, target_tokens = list(treebank_tokens(source)), list(treebank_tokens(target))
    weights = np.zeros((len(target_tokens), len(source_tokens)))
    for t, s, weight in pairs:
        weights[t, s] = weight
    return {
        "source": [0, len(source)],
        "target": [0, len(target)],
        "source_tokens": source_tokens,
        "target_tokens": target_tokens,
        "weights": weights.tolist(),
    }


def place(source, target, order):
    """HTML with its only segment translated. `order` holds for each word of the target the index
    of its source word, or None."""
    parts = split_html(source)
    (segment,) = (part for part in parts if isinstance(part, Segment))
    pairs = [(t, s, 0.8) for t, s in enumerate(order) if s is not None]
    result = translated(segment, target, [aligned(segment.text, target, pairs)])
    return "".join(part if isinstance(part, str) else result for part in parts)


@pytest.mark.parametrize(
    ("source", "target", "order", "expected"),
    [
        ("<p>one <b>two</b> three</p>", "3 2 1", [2, 1, 0], "<p>3 <b>2</b> 1</p>"),
        ("<b>one two</b> three", "x 3 1 2", [None, 2, 0, 1], "x 3 <b>1 2</b>"),
        ("one <a href='x&y'><i>two</i> three</a>", "3 2, 1", [2, 1, None, 0],
         "<a href='x&y'>3 <i>2</i></a>, 1"),
        # Words of a sibling, or one far away, do not stretch an element.
        ("<b>one</b> <i>two</i> three", "1 3 2 1", [0, 2, 1, 0], "<b>1</b> 3 <i>2</i> 1"),
        # An element whose words have no translation.
        ("one <b>two</b> three", "1 3", [0, 2], "1<b></b> 3"),
        ("one <code>x</code> three", "1 3", [0, 2], "1 <code>x</code> 3"),
        # Markup between words.
        ("one<br>two", "1 2", [0, 1], "1<br> 2"),
        ("one <br> two", "1 2", [0, 1], "1 <br> 2"),
        ("one <img>two", "1 2", [0, 1], "1 <img>2"),
        ("<img> one <img> two <img>", "1 2", [0, 1], "<img> 1 <img> 2 <img>"),
        ("one two<img>three four", "2 3 x 4 1", [1, 2, None, 3, 0], "2<img> 3 x 4 1"),
        ("<a><img> one two</a> three", "3 2 1", [2, 1, 0], "3 <a><img> 2 1</a>"),
        ("<a>one two <img></a> three", "3 2 1", [2, 1, 0], "3 <a>2 1 <img></a>"),
        ("<a><img> one</a> two", "2 1", [1, 0], "2 <a><img> 1</a>"),
        ("one <!-- c --> <b>two</b>", "2 1", [1, 0], "<!-- c --> <b>2</b> 1"),
        # Placeholders, and white space around.
        ("\n run <code>a b</code> now ", "jetzt XQ0X los", [2, 1, 0],
         "\n jetzt <code>a b</code> los "),
        ("<b>run <kbd>q</kbd></b> now", "now XQ0X run", [2, None, 0],
         "now <b><kbd>q</kbd> run</b>"),
        ("a <kbd>q</kbd>", "XQ0X XQ0X a", [1, 1, 0], "<kbd>q</kbd>  a"),
        ("a &lt; b&nbsp;<i>&amp;</i>", "b\xa0< & a", [2, 1, 3, 0], "b&nbsp;&lt; <i>&amp;</i> a"),
        # Tags without partner.
        ("</i>one <b>two", "1 2", [0, 1], "</i>1 <b>2"),
        ("<b>one <i>two</b> three</i>", "1 2 3", [0, 1, 2], "<b>1 <i>2</b> 3</i>"),
        ("<b>one</b>", "", [], "<b></b>"),
    ],
)  # fmt: skip
def test_places(source, target, order, expected):
    assert place(source, target, order) == expected


def test_a_deep_document_is_kept():
    """Fails if nested elements are visited by recursion."""
    source = "<div>" * 10_000 + "<b>" * 400 + "one" + "</b>" * 400 + "</div>" * 10_000
    assert place(source, "one", [0]) == source


WORDS = st.sampled_from(["ann", "bob", "cat", "42", "a&amp;b", "&lt;i&gt;", "\xe9t\xe9", "x."])
ATOMS = st.sampled_from(
    ["<br>", "<img src='a>b'>", "<!-- <b> -->", "<script>a<b</script>", "<wbr>"]
)
KEPT = st.sampled_from(["<code>x &lt; <u>y</u></code>", "<b translate=no>New York</b>"])
SPACES = st.sampled_from(["", " ", "\n  "])
INLINES = ["b", "i", "a title='x>y'", "span class=q"]
BLOCKS = ["p", "div", "li", "td"]


def elements(names, content):
    def element(name, parts):
        return f"<{name}>{''.join(parts)}</{name.split()[0]}>"

    return st.builds(element, st.sampled_from(names), st.lists(content, max_size=4))


PHRASES = st.recursive(
    st.tuples(WORDS | WORDS | ATOMS | KEPT, SPACES).map("".join),
    lambda content: elements(INLINES, content),
    max_leaves=12,
)
DOCUMENTS = st.lists(elements(BLOCKS, PHRASES) | PHRASES, max_size=5).map("".join)


class Tree(HTMLParser):
    """The elements of a document, each with its ancestors; fails if they are not well-formed."""

    def __init__(self, source):
        super().__init__()
        self.open, self.elements, self.strings = [], [], []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((*self.open, (tag, *attrs)))
        if tag not in ("br", "img", "wbr"):
            self.open.append((tag, *attrs))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_comment(self, data):
        self.elements.append((*self.open, data))

    def handle_data(self, data):
        self.strings.append(data)


def numbered(source):
    """Each start tag and comment gets a number, so that all are different."""
    numbers = iter(range(10_000))
    source = re.sub(r"(?<=<)[a-z]+", lambda tag: f"{tag[0]} n={next(numbers)}", source)
    return re.sub("<!--", lambda _: f"<!-- {next(numbers)}", source)


NO_TEXT = re.compile(
    r"<(script|code) .*?</\1>|<b n=\d+ translate=no>.*?</b>|<!--.*?-->|<('.*?'|[^>'])*>"
)
"""What of a translated segment is no translation."""


@settings(max_examples=70, deadline=None)
@given(DOCUMENTS.map(numbered), st.randoms(use_true_random=False))
def test_markup_and_text_are_kept_in_any_translation(source, draw):
    """Fails if a tag is lost, doubled or leaves its parent, if tags overlap, or if text is lost:
    with random translations and random alignments."""
    results = []
    for part in split_html(source):
        if isinstance(part, str):
            results.append(part)
            continue
        sources = list(treebank_tokens(part.text))
        words = [part.text[slice(*word)] for word in sources]
        words = draw.choices([*words, "more", ","], k=draw.randrange(len(words) + 3))
        target = " ".join(words)
        targets = list(treebank_tokens(target))
        pairs = [(t, s, draw.random()) for t in range(len(targets)) for s in range(len(sources))]
        results.append(translated(part, target, [aligned(part.text, target, pairs)]))
        shown = html.unescape(NO_TEXT.sub("", results[-1]))
        text = PLACEHOLDER.sub("", target)
        assert re.sub(" |\n", "", shown) == re.sub(" |\n", "", text)
    result = "".join(results)
    assert sorted(map(repr, Tree(source).elements)) == sorted(map(repr, Tree(result).elements))
    for kept in re.findall(r"<script.*?</script>|<code.*?</code>|<!--.*?-->", source):
        assert result.count(kept) == 1


def test_escaping_is_undone_by_browsers():
    text = "a < b > c & d &amp; \xa0 \"'"
    assert html.unescape(escape(text)) == text
