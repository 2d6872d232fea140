"""What a translation repeats as it stands, and how numbers are rewritten."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from textrnn.text.literals import literals
from textrnn.text.numbers import rewrite_number


def found(text):
    return [text[start:end] for start, end in literals(text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Page {page} of {{ total }}", ["{page}", "{{ total }}"]),
        ("${count} files by %1$s, %(user)s and %d", ["${count}", "%1$s", "%(user)s", "%d"]),
        ("$t(key) or $name, [[KEY]]", ["$t(key)", "$name", "[[KEY]]"]),
        ("I <i>really</i> like<br/> it <0>here</0>", ["<i>", "</i>", "<br/>", "<0>", "</0>"]),
        ("[x] Call *mom*, **now** or _later_", ["[x]", "*", "*", "**", "**", "_", "_"]),
        ("**Important:** look", ["**", "**"]),
        ("run `make test` at [this page](https://a.org/b)", ["`make test`", "](https://a.org/b)"]),
        ("https://a.org/x?y=1, a.b@c.de", ["https://a.org/x?y=1", "a.b@c.de"]),
        ("Hi @ann #tag", ["@ann", "#tag"]),
        ("It is -5 °C, 20 % or 75 kg, $4.99.", ["-5 °C", "20 %", "75 kg", "$4.99"]),
        ("the 21st of May 2015 at 9:45", ["21", "2015", "9:45"]),
        ("10-12 people, a well-5", ["10", "12", "5"]),
        ("Fine 😀 👩‍👧 🇩🇪 1️⃣ :-)", ["😀", "👩‍👧", "🇩🇪", "1️⃣", ":-)"]),
        ("100% sure of a snake_case, 2*3 < 5 and AT&T", ["100%", "2", "3", "5"]),
        ("An mp3 (well: it's fine) [not this] 5 minutes", ["5"]),
    ],
)  # fmt: skip
def test_literals(text, parts):
    """Fails if a placeholder is cut, or if words or brackets are taken for one."""
    assert found(text) == parts


@given(st.text(alphabet="{}<>[]()%$*_`&;:#@-+.,0123 abst°€😀\u200d\ufe0f", max_size=40))
@example("{" * 40)
@example("<a" * 20)
def test_literals_are_in_order_and_apart(text):
    end = 0
    for start, stop in literals(text):
        assert end <= start < stop <= len(text)
        end = stop


@pytest.mark.parametrize(
    ("literal", "rewritten"),
    [
        ("1,250", "1.250"),
        ("2.5", "2,5"),
        ("1,250,000.75", "1.250.000,75"),
        ("-2.5 km", "-2,5 km"),
        ("$4.99", "4,99 $"),
        ("20%", "20 %"),
        ("3.5.1", "3.5.1"),
        ("9:45", "9:45"),
        ("12/05", "12/05"),
        ("2015", "2015"),
        ("{name}", "{name}"),
    ],
)
def test_numbers_are_rewritten_and_back(literal, rewritten):
    assert rewrite_number(literal, "en", "de") == rewritten
    assert rewrite_number(rewritten, "de", "en") == literal
    assert rewrite_number(literal, "en", "en") == rewrite_number(literal, "", "de") == literal
