import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.text.treebank import split_sentences, treebank_tokens

any_text = st.text(max_size=80) | st.text(
    st.sampled_from("ab.A '’@#&-,:;1\n\t!?)(\"nt\u0301\u200d\U0001f44d/h"), max_size=60
)


def words(text):
    return [text[start:end] for start, end in treebank_tokens(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't go, Mr. O'Neil!!!", "Do n't go , Mr. O'Neil !!!"),
        ("DON’T it's we'll rock'n'roll", "DO N’T it 's we 'll rock'n'roll"),
        ("AT&T of the U.S. sold e-mail.", "AT&T of the U.S. sold e - mail ."),
        ("J. K. Rowling was plan B. ok", "J. K. Rowling was plan B . ok"),
        ("See http://x.org/a?b=c, or a.b@c.co.uk.", "See http://x.org/a?b=c , or a.b@c.co.uk ."),
        ("$3.50 at 10:30 on 12/5, the 1990s", "$ 3.50 at 10:30 on 12/5 , the 1990s"),
        ("@ada #wow :-) ...", "@ada #wow :-) ..."),
        ("\u5317\u4eac caf\u0065\u0301 \U0001f44d\U0001f44d", None),
    ],
)
def test_words(text, expected):
    assert words(text) == (text if expected is None else expected).split()


@given(any_text)
def test_only_white_space_is_omitted(text):
    spans = list(treebank_tokens(text))
    here = 0
    for start, end in spans:
        assert here <= start < end
        assert not text[here:start].strip()
        assert not any(char.isspace() for char in text[start:end])
        here = end
    assert not text[here:].strip()


@given(any_text, st.integers(1, 9))
def test_sentences_are_all_the_words_in_order(text, most):
    spans = list(treebank_tokens(text))
    parts = split_sentences(text, spans, most)
    assert [span for part in parts for span in spans[part]] == spans
    assert all(len(spans[part]) <= most for part in parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two. Three! Four", [3, 2, 1]),
        ('He said "Go." She went.', [6, 3]),
        ("In the U.S. army (yes.) ok", [9]),
        ("A title\n\nThe text", [2, 2]),
        ("Ada King\nBob\nNew York", [2, 1, 2]),
        ("A line of prose that is long enough to have been wrapped\nin the middle. Yes", [16, 1]),
        ("wait... what", [3]),
    ],
)
def test_where_sentences_end(text, expected):
    spans = list(treebank_tokens(text))
    parts = split_sentences(text, spans, 100)
    assert [part.stop - part.start for part in parts] == expected


@pytest.mark.parametrize(
    "unit",
    [
        "a.",
        "www.",
        "http://,",
        "a@",
        "A. ",
        "a'",
        "1.",
        "a&",
        "nn't",
        "'",
        "x",
        "a.b@",
        ":(",
        "\n ",
    ],
)
@pytest.mark.slow
def test_time_is_linear(unit):
    """Fails, by hanging, if the splitter rereads much of the text for each word."""
    text = unit * 500_000
    spans = list(treebank_tokens(text))
    parts = split_sentences(text, spans, 100)
    assert sum(part.stop - part.start for part in parts) == len(spans)
