import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from textrnn.errors import UserError
from textrnn.text import EOS, UNK, CopyingTokenizer

PAIRS = [
    ("I saw the house.", "Ich sah das Haus."),
    ("The house is old.", "Das Haus ist alt."),
    ("Do you see it?", "Siehst du es?"),
    ("I'm not in the garden, am I?", "Ich bin nicht im Garten, oder?"),
    ("Quillfeather saw the garden.", "Quillfeather sah den Garten."),
    ("In 1998 I was old.", "1998 war ich alt."),
    ("Do you see Mr. House?", "Siehst du Herrn House?"),
] * 4


@pytest.fixture(scope="module")
def tokenizer():
    return CopyingTokenizer.fit(PAIRS, 90)


def subwords(tokenizer, text):
    result, words = tokenizer.encode_source(text)
    return tokenizer.decode_subwords(result.ids, ["<unk>"] * len(words)), words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I saw the house.", []),
        ("In 1998 it is 3.50, not 4,000.", ["1998", "3.50", "4,000"]),
        ("I saw Quillfeather.", ["Quillfeather"]),
        ("I saw Szczepański, not Ōe.", ["Szczepański", "Ōe"]),
        ("the house of a.b@c.de is 日本, 😀", ["a.b@c.de", "日本", "😀"]),
        ("I saw Ada Szulc-Zapp, Zed.", ["Ada Szulc-Zapp", "Zed"]),
        ("I’m not old.", []),
        ("Mr. House saw the house.", ["House"]),
        ("Quillfeather House saw it.", ["Quillfeather House"]),
        ("Is {the} house <b>old</b>?", ["{the}", "<b>", "</b>"]),
    ],
)
def test_which_words_are_copied(tokenizer, text, words):
    """Numbers, names that were never translated, and words that the vocabulary cannot spell."""
    assert subwords(tokenizer, text)[1] == words


def test_a_copied_word_is_one_token(tokenizer):
    result, words = subwords(tokenizer, "I saw Quillfeather.")
    assert words == ["Quillfeather"]
    assert "".join(result) == "▁I▁saw▁<unk>."


@given(st.text(max_size=60))
@example("Tom's 日本\u0301 3.5 \ue000\ue001 ﬁ \u200b½ 1️⃣")
@example("\ue0003")
def test_spans_point_into_the_text(text):
    """Each UNK has a word, which is the text of its span. Fails for characters whose length changes
    by normalisation, and for adjacent words to copy."""
    tokenizer = _TOKENIZER
    result, words = tokenizer.encode_source(text)
    spans = result.spans[result.ids == UNK]
    assert words == [text[start:end] for start, end in spans]
    assert all(0 <= start <= end <= len(text) for start, end in result.spans)
    assert (np.diff(result.spans[:, 0]) >= 0).all()
    assert tokenizer.decode(result.ids, words).count("<unk>") <= text.count("<unk>")


_TOKENIZER = CopyingTokenizer.fit(PAIRS, 90)


@pytest.mark.parametrize(
    "text", ["the house (not old) is 3 [the garden], {I", "((the) house)", "a)("]
)
def test_words_in_copied_brackets_are_whole_words(tokenizer, text):
    """Fails if a word after a bracket is encoded as the rest of a word, or spaces are left over."""
    tokens, words = tokenizer.encode_source(text)
    assert tokenizer.decode(tokens.ids, words) == text
    pieces = tokenizer.decode_subwords(tokens.ids, ["<unk>"] * len(words))
    assert "".join(pieces).count("▁the") == text.count("the")


@pytest.mark.parametrize(
    "text",
    [
        'is "house" old',
        "is (house) old",
        "the [house",
        "<b>house</b>",
        '"house"',
        "¿house?",
        "{a}house",
    ],
)
def test_a_word_is_the_same_subwords_wherever_it_stands(tokenizer, text):
    """Fails if a word after a mark or a tag is unlike the word after a space."""
    word = tokenizer.encode("house").ids.tolist()
    tokens, words = tokenizer.encode_source(text)
    ids = tokens.ids.tolist()
    assert any(ids[at : at + len(word)] == word for at in range(len(ids)))
    assert tokenizer.decode(tokens.ids, words) == text


_WORDS = st.sampled_from(
    ["house", "<b>", "</b>", "{a}", "5", '"', "'", "(", ")", "[", "]", " ", "_"]
)


@given(st.lists(_WORDS, max_size=10).map("".join))
@example("the ' house")
@example('" house" (<b> old</b>')
def test_marks_and_words_are_written_as_they_were_read(text):
    """Spaces alone may differ: one is lost after a mark that stands alone. Fails if one comes where
    none was."""
    tokens, words = _TOKENIZER.encode_source(text)
    decoded = _TOKENIZER.decode(tokens.ids, words)
    assert decoded.replace(" ", "") == text.replace(" ", "")
    assert decoded.count(" ") <= text.count(" ")


def test_the_first_word_of_a_sentence_is_a_word_like_others(tokenizer):
    old = tokenizer.encode("old").ids.tolist()
    assert tokenizer.encode("Old").ids.tolist() == old
    assert tokenizer.source.lowers("Old houses")
    assert not tokenizer.source.lowers("Quillfeather saw it")
    assert not tokenizer.source.lowers("old houses")


def test_a_tokenizer_without_truecasing_reads_text_as_it_is(tokenizer, tmp_path):
    """Earlier bundles. Fails if their models are given tokens that they were not trained with."""
    tokenizer.save(tmp_path)
    (tmp_path / "lower_case_source.txt").unlink()
    with pytest.raises(UserError, match=r"lower_case_source\.txt"):
        CopyingTokenizer.load(tmp_path)
    (tmp_path / "lower_case_target.txt").unlink()
    earlier = CopyingTokenizer.load(tmp_path)
    assert earlier.encode("Old").ids.tolist() != earlier.encode("old").ids.tolist()
    assert not earlier.source.lowers("Old houses")


def test_copied_words_are_inserted_in_order(tokenizer):
    text = "Zed in 1998 saw Quillfeather and 2 old gardens."
    result, words = tokenizer.encode_source(text)
    assert tokenizer.decode(result.ids, words) == text


def test_a_source_may_end_with_a_form_of_address(tokenizer):
    """Fails if a model that does not know it gets a token that it never saw."""
    assert tokenizer.end_of_source(None) == EOS
    assert tokenizer.end_of_source("formal") == UNK
    polite = CopyingTokenizer.fit(PAIRS, 90, formality=True)
    formal, informal = map(polite.end_of_source, ("formal", "informal"))
    assert len({UNK, EOS, formal, informal}) == 4
    assert polite.encode_source("Is <formal> old?").words == ["<formal>"]


def test_words_in_both_texts_are_copied(tokenizer):
    """Fails if the target has an UNK for a word that is not copied from its source."""
    source, target = tokenizer.encode_pair("I saw Zed in 1998 or in 1989", "Ich sah Zed 1998")
    assert (source.ids == UNK).sum() == (target.ids == UNK).sum() == 2
    source, target = tokenizer.encode_pair("I saw 1989", "Ich sah 1998")
    assert not (source.ids == UNK).any()


def test_it_can_be_saved_and_loaded(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    loaded = CopyingTokenizer.load(tmp_path)
    for text, _ in PAIRS[:6]:
        np.testing.assert_array_equal(loaded.encode(text).ids, tokenizer.encode(text).ids)
    assert loaded.known == tokenizer.known
    (tmp_path / "known.txt").unlink()
    with pytest.raises(UserError, match=r"known\.txt"):
        CopyingTokenizer.load(tmp_path)


def test_a_phrase_is_written_exactly_or_not_at_all(tokenizer):
    """Fails if a phrase decodes to another text, or could be glued to the word before it."""
    for text in ("the house", "garden", "Ich"):
        ids = tokenizer.encode_phrase(text)
        assert tokenizer.decode(ids) == text
        assert not tokenizer.continues_word()[ids[0]]
    for text in ("日本", "ﬁ", "the  house", "house\u00a0I"):
        assert tokenizer.encode_phrase(text) is None


def test_which_tokens_continue_a_word(tokenizer):
    pieces = dict(enumerate(map(tokenizer.subwords.piece, range(len(tokenizer)))))
    continues = tokenizer.continues_word()
    assert not continues[:4].any()
    for id, piece in pieces.items():
        assert continues[id] == (id > 3 and piece[0] != "▁" and piece[0].isalnum()), piece


def test_which_tokens_differ_in_case_alone(tokenizer):
    pieces = [tokenizer.subwords.piece(id) for id in range(len(tokenizer))]
    folded = tokenizer.folded_ids()
    for id, piece in enumerate(pieces):
        assert pieces[folded[id]].lower() == piece.lower()
        assert folded[id] == [each.lower() for each in pieces].index(piece.lower())


def test_a_given_translation_shares_its_copied_words(tokenizer):
    """Fails if a word is copied that the translation lacks, or has as a part of another."""
    text, translation = "In 1998 Zed Quill saw 81 and Ōe.", "Ōe sah Zed Quill 1981 und 1998."
    (source, words), (target, written) = tokenizer.encode_scored(text, translation)
    assert words == ["1998", "Zed Quill", "Ōe"]
    assert written == ["Ōe", "Zed Quill", "1998"]
    assert tokenizer.decode(source.ids, words) == "in" + text[2:]
    assert tokenizer.decode(target.ids, written) == translation
    whole = tokenizer.encode_scored("I saw Ada Zapp.", "Ada Zapp sah ich.")
    assert [side.words for side in whole] == [["Ada Zapp"], ["Ada Zapp"]]
