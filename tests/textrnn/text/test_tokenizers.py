"""Properties of every tokenizer, and those of each."""

import numpy as np
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from textrnn.errors import UserError
from textrnn.text import (
    BOS,
    EOS,
    PAD,
    SPECIALS,
    TOKENIZERS,
    UNK,
    ByteTokenizer,
    CaselessTokenizer,
    CharTokenizer,
    CopyingTokenizer,
    SpelledTokenizer,
    SubwordTokenizer,
    TokenizerConfig,
    WordTokenizer,
    load_tokenizer,
)  # fmt: skip
from textrnn.text.caseless import fold
from textrnn.text.words import normal_form, split_words

TEXTS = [
    "A fine film, full of wit; don't miss it!",
    "Two hours of my life that I will never get back.",
    "Ein schöner Film – ohne Längen. Une œuvre d'art…",
    "I can't say it's well-made: 3.5 stars out of 10, at most.",
] * 4
FITTED = {
    "words": WordTokenizer.fit(TEXTS, 60),
    "chars": CharTokenizer.fit(TEXTS, 40),
    "caseless": CaselessTokenizer.fit([fold(text) for text in TEXTS], 40),
    "bytes": ByteTokenizer(),
    "subwords": SubwordTokenizer.fit(TEXTS, 80, lowercase=True),
    "spelled": SpelledTokenizer.fit(TEXTS, 60),
    "copying": CopyingTokenizer.fit([(text, text.lower()) for text in TEXTS], 80),
}
HOSTILE = [
    "",
    " ",
    "\0",
    "a\0b",
    "e\u0301te\u0301",
    "\u0301" * 50,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 ok \U0001f44d\U0001f3fd",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
    "a\u2028b\u0085c\x1fd",
    "\ufeffbom",
    "\ufb01ne \u2460\u2461\u337f",
    "don\u2019t DON'T",
    "''``--...",
    "x" * 300,
    "\U0010ffff\ue000",
]
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request):
    return FITTED[request.param]


@given(text=any_text | st.sampled_from(HOSTILE))
@pytest.mark.parametrize("kind", TOKENIZERS)
def test_spans_lie_in_the_text_in_order(kind, text):
    """Fails on byte offsets, offsets into a normalised copy, or overlaps."""
    ids, spans = FITTED[kind].encode(text)
    assert len(ids) == len(spans)
    assert ((ids >= 0) & (ids < len(FITTED[kind]))).all()
    assert not np.isin(ids, [PAD, BOS, EOS]).any()
    end_before = 0
    for start, end in spans:
        assert end_before <= start <= end <= len(text)
        end_before = end


@given(text=any_text | st.sampled_from(HOSTILE))
def test_words_cover_all_but_white_space(text):
    """Fails if the splitter loses a character, or a token contains white space."""
    covered = [False] * len(text)
    for start, end in split_words(text):
        assert start < end
        assert not regex.search(r"\s", text[start:end])
        covered[start:end] = [True] * (end - start)
    left_out = "".join(char for char, inside in zip(text, covered, strict=True) if not inside)
    assert regex.fullmatch(r"\s*", left_out)


@given(text=any_text | st.sampled_from(HOSTILE))
def test_characters_cover_everything(text):
    _, spans = FITTED["chars"].encode(text)
    assert spans.tolist() == [[i, i + 1] for i in range(len(text))]


def test_subword_spans_cover_their_text():
    """Fails if a span begins in the white space before a word, or counts bytes."""
    text = "Ein  schöner Film 👍 misst it"
    ids, spans = FITTED["subwords"].encode(text)
    parts = [text[start:end] for start, end in spans if start < end]
    assert "".join(parts) == text.replace(" ", "")
    assert UNK in ids  # the thumb


@pytest.mark.parametrize(
    ("written", "treebank"),
    [
        ("I don't know.", "i do n't know ."),
        ("It can't be: it's \u201cgood\u201d!", "it ca n't be : it 's `` good '' !"),
        ("We\u2019ll see, they're here", "we 'll see , they 're here"),
        ("He said 10/10, or 3.5 stars...", "he said 10 / 10 , or 3.5 stars ..."),
        ("SOOOOO well-made", "sooo well - made"),
    ],
)
def test_raw_and_tokenised_text_give_the_same_words(written, treebank):
    """Fails if a model trained on one form sees unknown words in the other."""

    def words(text):
        return [normal_form(text[start:end]) for start, end in split_words(text)]

    assert words(written) == words(treebank)


def test_words_are_ranked_by_frequency_and_unknown_ones_are_unk():
    tokenizer = WordTokenizer.fit(["b a b c b a", "d"], size=4 + 3)
    assert tokenizer.words == (*SPECIALS, "b", "a", "c")
    assert tokenizer.encode("a b zzz D").ids.tolist() == [5, 4, UNK, UNK]
    assert WordTokenizer.fit(["b a b"], 10, min_count=2).words == (*SPECIALS, "b")


def test_characters_are_lossless():
    tokenizer = FITTED["chars"]
    assert tokenizer.decode(tokenizer.encode("a fine film").ids) == "a fine film"
    assert tokenizer.decode(tokenizer.encode("a\U0001f600").ids) == "a\ufffd"


def test_max_tokens_truncates(tokenizer):
    text = TEXTS[0]
    whole, few = tokenizer.encode(text), tokenizer.encode(text, max_tokens=3)
    np.testing.assert_array_equal(few.ids, whole.ids[:3])
    np.testing.assert_array_equal(few.spans, whole.spans[:3])


def test_saved_and_loaded_is_the_same(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    loaded = load_tokenizer(tokenizer.kind, tmp_path)
    assert len(loaded) == len(tokenizer)
    for text in [*TEXTS, *HOSTILE]:
        np.testing.assert_array_equal(loaded.encode(text).ids, tokenizer.encode(text).ids)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_damaged_vocabulary_is_one_clear_error(kind, tmp_path):
    with pytest.raises(UserError, match=str(tmp_path)):
        load_tokenizer(kind, tmp_path)
    for name in ("words.json", "alphabet.json", "sentencepiece.model"):
        (tmp_path / name).write_text('["twice", "twice"]')
    with pytest.raises(UserError):
        load_tokenizer(kind, tmp_path)
    with pytest.raises(UserError, match="known: words, subwords, chars"):
        load_tokenizer("runes", tmp_path)


def test_the_vocabulary_does_not_grow(tokenizer):
    """Fails if encoding stores new words: memory would grow with requests."""
    before = len(tokenizer)
    for number in range(100):
        tokenizer.encode(f"neverseen{number}")
    assert len(tokenizer) == before


def test_subwords_of_an_empty_text_are_an_error():
    with pytest.raises(UserError, match="no subwords can be learnt"):
        SubwordTokenizer.fit(["", "  "], 100)


@given(any_text)
def test_bytes_are_lossless_and_well_formed(text):
    """Fails if the grammar forbids a valid byte, or misses the end of a character."""
    ids, spans = FITTED["bytes"].encode(text)
    assert FITTED["bytes"].decode(ids) == text
    grammar, state = FITTED["bytes"].grammar, 0
    for token in ids:
        assert grammar.allowed[state, token]
        state = grammar.next_state[state, token]
    assert state == 0
    whole = grammar.completes_character(ids)
    assert whole.sum() == len(text)
    np.testing.assert_array_equal(spans[:, 1] - spans[:, 0], whole)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=40))
def test_the_byte_grammar_allows_only_text(choices):
    """At each step an arbitrary byte is replaced by the next allowed one."""
    grammar, state, written = FITTED["bytes"].grammar, 0, []
    while choices or state:
        choice = choices.pop() if choices else 0
        allowed = grammar.allowed[state].nonzero()[0]
        allowed = allowed[allowed >= 4]
        token = allowed[choice % len(allowed)]
        written.append(token)
        state = grammar.next_state[state, token]
    raw = bytes(token - 4 for token in written)
    assert FITTED["bytes"].decode(np.array(written)) == raw.decode("utf-8", "strict")


def test_eos_requires_a_complete_character():
    grammar = FITTED["bytes"].grammar
    assert grammar.allowed[0, 3]
    assert not grammar.allowed[1:, 3].any()
    assert not grammar.allowed[:, :3].any()


@given(text=any_text | st.sampled_from(HOSTILE))
def test_folding_keeps_every_place(text):
    """Fails if a character becomes two or none, which would move the spans after it."""
    folded = fold(text)
    assert len(folded) == len(text)
    assert fold(folded) == folded


def test_caseless_tokenizer_reads_signs_as_it_reads_prose():
    """Fails if capitals are unknown characters, or each digit is one of its own."""
    tokenizer = FITTED["caseless"]
    first, second = tokenizer.encode("A FINE FILM: 3.5"), tokenizer.encode("a fine film: 7.0")
    np.testing.assert_array_equal(first.ids, second.ids)
    assert not (first.ids == UNK).any()
    fitted = CaselessTokenizer.fit_rows([{"text": "AB 12"}], TokenizerConfig(kind="caseless"))
    assert set(fitted.symbols[len(SPECIALS) :]) == set("ab 0")


def test_each_emoji_is_a_word():
    """Fails if five stars are the same word as three, or a skin tone makes another word."""
    text = "★★★☆☆ ⭐⭐ ❤️❤️ 👍🏽👍 👨\u200d👩\u200d👧 🇩🇪🇫🇷 !!!! 😀ok"
    words = [text[start:end] for start, end in split_words(text)]
    assert words == [
        *"★★★☆☆⭐⭐", "❤️", "❤️", "👍🏽", "👍", "👨\u200d👩\u200d👧", "🇩🇪", "🇫🇷", "!!!!", "😀", "ok",
    ]  # fmt: skip
    assert normal_form("👍🏽") == normal_form("👍")
    assert normal_form("❤️") == "❤"


def test_letters_repeated_for_emphasis():
    """Fails if "baaaad" is unknown, or "good" becomes "god"."""
    tokenizer = WordTokenizer(["good", "god", "bad", "sooo"])
    known = ["GOOOOD", "good", "goood", "baaaad", "BAAD", "soooooo", "gooood"]
    words = tokenizer.decode(tokenizer.encode(" ".join(known)).ids).split()
    assert words == ["good", "good", "good", "bad", "<unk>", "sooo", "good"]


@pytest.mark.parametrize("kind", ["words", "spelled"])
def test_words_are_added_behind_the_others(kind, tmp_path):
    """Fails if an id changes, a rare word is added, or the words are lost when saved."""
    before = FITTED[kind]
    rows = [{"text": "Sushi, sushi & more ramen with ramen: a fine film ’n’ once"}]
    after = before.extended(rows, 2, min_count=2)
    assert after.words[: len(before)] == before.words
    assert len(after) == len(before) + 2
    assert set(after.words[len(before) :]) <= {"sushi", "Sushi", "ramen", "&", "'"}
    text = "A fine ramen film"
    assert (after.encode(text).ids != before.encode(text).ids).tolist() == [
        False,
        False,
        True,
        False,
    ]
    assert FITTED[kind] is before
    after.save(tmp_path)
    loaded = load_tokenizer(kind, tmp_path)
    assert loaded.encode(text).ids.tolist() == after.encode(text).ids.tolist()
    with pytest.raises(UserError, match=r"start\.words: a tokenizer of chars has no words"):
        FITTED["chars"].extended(rows, 2)
