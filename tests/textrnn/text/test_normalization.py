"""The normal form of text: exact offsets into the text as sent, on any Unicode."""

import unicodedata

import numpy as np
import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from textrnn.errors import UserError
from textrnn.text import ByteTokenizer, CharTokenizer, Normalization, load_tokenizer, save_tokenizer
from textrnn.text.normalization import _ORDINARY, Normalized
from textrnn.text.treebank import treebank_tokens

NORMAL = Normalization()
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
GERMANY = "\U0001f1e9\U0001f1ea"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
PIECES = [
    *"abA '’“…—\u00a0\u3000.!1\n", "e\u0301", "u\u0308", "\u0301", "\u0323", "\u20e3", "\ufe0f",
    "\u1100", "\u1161", "\u11a8", "\uac00", FAMILY, GERMANY, ENGLAND, "\U0001f1e9", "\U0001f44d",
    "\U0001f3fd", "\u200d", "\u200c", "\u200b", "\u00ad", "\ufeff", "\u2060", "\u202e", "\u2066",
    "\0", "\x85", "\u2028", "\u2029", "\r\n", "\x1c", "\x7f", "\u05e9", "\u0645", "\u0652",
    "\u0915", "\u094d", "\u0e33", "\uff21", "\uff76", "\uff9e", "\uffa1", "\ufb01", "\U0001d4d7",
    "\u212b", "\u0958", "\u0344", "\u3164", "\u2800", "\u034f", "\U000e0061", "\u0600", "\ufe0e",
    "\u180b",
]  # fmt: skip
unicode = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
hostile = st.lists(st.sampled_from(PIECES) | unicode, max_size=14).map("".join)


def words(text, normalization=NORMAL):
    """The words of the normal form, and what of the text as sent is theirs."""
    normal = normalization.apply(text)
    offsets = normal.whole(treebank_tokens(normal.text))
    sent = normal.original(offsets).tolist()
    return [normal.text[start:end] for start, end in offsets], [text[a:b] for a, b in sent]


@pytest.mark.parametrize(
    ("text", "normal", "sent"),
    [
        ("Zu\u0308rich\u00a0is", ["Zürich", "is"], ["Zu\u0308rich", "is"]),
        ("New\u00adcastle\u00ad", ["Newcastle"], ["New\u00adcastle"]),
        ("\ufeff\u2060Rome\u2060, \u2066Bari\u2069.", ["Rome", ",", "Bari", "."], None),
        ("a \u200b b\0c\u200d.", ["a", "bc", "."], ["a", "b\0c", "."]),
        (
            "wait…no—“Yes”",
            ["wait", "...", "no", "--", '"', "Yes", '"'],
            ["wait", "…", "no", "—", "“", "Yes", "”"],
        ),
        ("Ｈｅｌｌｏ ﬁne 𝓗𝓲 ｶﾞ", ["Hello", "fine", "Hi", "ガ"], ["Ｈｅｌｌｏ", "ﬁne", "𝓗𝓲", "ｶﾞ"]),
        (f"{FAMILY} {GERMANY}{ENGLAND}", [FAMILY, GERMANY, ENGLAND], [FAMILY, GERMANY, ENGLAND]),
        ("1\ufe0f\u20e3 \u2764\ufe0f!", ["1\ufe0f\u20e3", "\u2764\ufe0f", "!"], None),
        (PERSIAN, [PERSIAN], [PERSIAN]),
        ("\u0301a \u0301b", ["a", "b"], ["a", "b"]),
        ("don´t do\u0301n\u2019t", ["do", "n't", "dó", "n't"], None),
        ("\u1112\u1161\u11ab \u212bngstrom", ["한", "Ångstrom"], None),
    ],
)
def test_normal_form_and_words_as_sent(text, normal, sent):
    found, places = words(text)
    assert found == normal
    if sent:
        assert places == sent


def test_what_is_composed_only_keeps_typography():
    composed = Normalization(form="composed").apply("“u\u0308\u00ad…”Ａ")
    assert composed.text == "“ü…”Ａ"
    assert Normalization(form="exact").apply("“u\u0308\u00ad…") == Normalized("“u\u0308\u00ad…")


def test_runs_of_a_letter_are_cut_where_a_model_wants_it():
    text = "sooooo gooood, 10000 hmm... u\u0308u\u0308u\u0308u\u0308"
    assert words(text, Normalization(longest_run=2)) == (
        ["soo", "good", ",", "10000", "hmm", "...", "üü"],
        ["sooooo", "gooood", ",", "10000", "hmm", "...", "u\u0308u\u0308u\u0308u\u0308"],
    )
    assert NORMAL.apply("sooooo").text == "sooooo"


@given(st.text(st.characters(max_codepoint=126, min_codepoint=32) | st.sampled_from("\t\n\r")))
def test_plain_text_is_unchanged(text):
    """Fails if a model that was trained without a normal form answers otherwise than then."""
    assert NORMAL.apply(text) == Normalized(text)


def test_ordinary_characters_are_normal():
    """Fails if the fast path takes a character that has another form or belongs to a cluster."""
    every = "".join(map(chr, range(0xD7FC))) + "\ue000"
    ordinary = "".join(char for char in every if _ORDINARY.fullmatch(char))
    assert len(ordinary) > 40_000
    slow = NORMAL.apply("\u2044".join(ordinary)).text  # with a character that is not among them
    assert slow.split("\u2044") == list(ordinary)
    assert unicodedata.is_normalized("NFC", ordinary)
    assert len(regex.findall(r"\X", ordinary)) == len(ordinary)


def is_invisible(char):
    fillers = "\u034f\u115f\u1160\u2800\u3164\uffa0"
    return unicodedata.category(char) in ("Cc", "Cf", "Zs", "Zl", "Zp") or char in fillers


def has_bad_edge(span):
    """As a reader sees it: begins within a character, or begins or ends with what is not seen."""
    first, last = span[0], span[-1]
    within = unicodedata.category(first)[0] == "M" or "\U0001f3fb" <= first <= "\U0001f3ff"
    return within or is_invisible(first) or (is_invisible(last) and last != "\U000e007f")


@given(
    hostile, st.sampled_from([NORMAL, Normalization(form="composed"), Normalization(longest_run=2)])
)
@example("\u1100\u200b\u1161", NORMAL)
@example("e\u00ad\u0301", NORMAL)
@example("\U0001f469\u200d\u200d\U0001f469", NORMAL)
@example("\uff76\u200b\uff9e", NORMAL)
@example("aa\u0301\u00ada", Normalization(longest_run=2))
def test_offsets_on_any_text(text, normalization):
    normal = normalization.apply(text)
    assert normalization.apply(normal.text).text == normal.text
    found, sent = words(text, normalization)
    assert all(sent)
    assert len(found) == len(sent)
    assert not any(map(has_bad_edge, sent))
    spans = normal.original([(i, i + 1) for i in range(len(normal.text))])
    assert (spans[:, 0] <= spans[:, 1]).all()
    assert (spans[1:, 0] >= spans[:-1, 1]).all()
    assert not len(spans) or (spans[0, 0] >= 0 and spans[-1, 1] <= len(text))
    for char, (start, end) in zip(normal.text, spans.tolist(), strict=True):
        if normal.starts is None:
            assert text[start:end] == char
        elif start < end and not char.isspace():
            assert unicodedata.normalize("NFKC", text[start:end]) != " "
    covered = "".join(sent) + "\u0e33\u0eb3\uff9e\uff9f"  # these, like marks, need a letter
    for char in text:
        if unicodedata.category(char)[0] in "LN" and not is_invisible(char):
            assert char in covered


@given(hostile)
def test_spans_never_cut_a_cluster(text):
    visible = "".join(char for char in text if not is_invisible(char))
    clusters = regex.findall(r"\s|\X", visible)  # a mark on a space is on no letter
    edges = {0, *np.cumsum([len(cluster) for cluster in clusters]).tolist()}
    for tokenizer in (CharTokenizer.fit([visible], 100), ByteTokenizer()):
        assert set(tokenizer.read(visible).spans.ravel().tolist()) <= edges


def test_two_normal_forms_in_a_row():
    first = NORMAL.apply("Zu\u0308\u00adrich…")
    second = Normalization(longest_run=1).apply("x" + first.text[1:])
    assert first.then(Normalized(first.text)) == first
    assert Normalized("Zürich...").then(first) == first
    assert first.then(second).original([(0, 9)]).tolist() == [[0, 9]]


def test_the_normal_form_is_stored_with_the_vocabulary(tmp_path):
    tokenizer = CharTokenizer("abc")
    tokenizer.normalization = Normalization(form="composed", longest_run=3)
    save_tokenizer(tokenizer, tmp_path)
    assert load_tokenizer("chars", tmp_path).normalization == tokenizer.normalization
    (tmp_path / "normalization.json").write_text('{"form": "nfkc"}')
    with pytest.raises(UserError, match=r"normalization\.json: form: Input should be 'exact'"):
        load_tokenizer("chars", tmp_path)
    (tmp_path / "normalization.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        load_tokenizer("chars", tmp_path)
    (tmp_path / "normalization.json").unlink()  # as in bundles from before there was one
    assert load_tokenizer("chars", tmp_path).normalization.form == "composed"
