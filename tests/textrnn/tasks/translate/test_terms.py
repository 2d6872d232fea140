"""Terms with given translations in texts and sentences."""

import pytest

from textrnn.errors import UserError
from textrnn.tasks.translate.options import TranslateOptions
from textrnn.tasks.translate.terms import PHRASES, find_terms, including, read_sentence
from textrnn.text import UNK, CopyingTokenizer


def found(text, glossary=(), keep=()):
    options = TranslateOptions(glossary=dict(glossary), do_not_translate=tuple(keep))
    return [(text[t.start : t.end], t.translation) for t in find_terms(text, options)]


@pytest.mark.parametrize(
    ("text", "term", "places"),
    [
        ("Cat, cat and CAT.", "cat", ["Cat", "cat", "CAT"]),
        ("cats concat cat_s cat2 cat", "cat", ["cat"]),
        ("NASA nasa Nasa", "NASA", ["NASA"]),
        ("an iPhone and an iphone", "iPhone", ["iPhone"]),
        ("C++ and C, C++17", "C++", ["C++", "C++"]),
        ("the New\u00a0 York of new york", "New York", ["New\u00a0 York", "new york"]),
        ("über ÜBER Überall", "über", ["über", "ÜBER"]),
        ("can’t or can't", "can't", ["can’t", "can't"]),
        ("a.b a+b axb", "a.b", ["a.b"]),
        ("東京 of 東京都", "東京", ["東京"]),
    ],
)
def test_terms_are_whole_words(text, term, places):
    """Fails if a term is found in a longer word, or its characters mean something else."""
    assert found(text, {term: "X"}) == [(place, "X") for place in places]
    assert found(text, keep=[term]) == [(place, place) for place in places]


def test_the_longest_term_is_taken():
    glossary = {"cat": "1", "black cat": "2", "black": "3"}
    assert found("Black cat, black, cat", glossary, ["cat food"]) == [
        ("Black cat", "2"), ("black", "3"), ("cat", "1"),
    ]  # fmt: skip
    assert found("a black cat food", {"black cat": "2"}, ["cat food"]) == [("black cat", "2")]


@pytest.mark.parametrize(
    ("glossary", "keep", "message"),
    [
        ({"cat": "a", "Cat": "b"}, [], "occurs 2 times"),
        ({"cat": "a"}, ["CAT"], "occurs 2 times"),
        ({" cat": "a"}, [], "pattern"),
        ({"cat": "a\nb"}, [], "pattern"),
        ({"cat": ""}, [], "pattern"),
        ({"cat": "x" * 101}, [], "100"),
        ({f"c{i}": "x" for i in range(501)}, [], "500"),
    ],
)
def test_impossible_terms(glossary, keep, message):
    with pytest.raises(UserError, match=message):
        TranslateOptions.parse({"glossary": glossary, "do_not_translate": keep}, source="options")


def test_sentences_include_terms():
    """Fails if a term is cut by the end of a sentence, or left out for having no letter."""
    text = "Inc. Now buy 42. Yes"
    terms = find_terms(text, TranslateOptions(glossary={"Inc. Now": "a", "42": "b"}))
    assert including([(0, 4), (5, 12), (17, 20)], terms) == [(0, 12), (13, 15), (17, 20)]


@pytest.fixture(scope="module")
def tokenizer():
    pairs = [("the dog sees one cat", "der hund sieht eine katze")] * 30
    return CopyingTokenizer.fit(pairs, 60)


def read(tokenizer, text, glossary=(), keep=(), most=64, room=64):
    options = TranslateOptions(glossary=dict(glossary), do_not_translate=tuple(keep))
    return read_sentence(text, find_terms(text, options), tokenizer, most, room)


def written(tokenizer, sentence):
    phrases = [tokenizer.decode(ids) for ids in sentence.phrases]
    return phrases, tokenizer.decode(sentence.tokens.ids, sentence.words)


def test_a_translation_is_a_phrase_or_copied(tokenizer):
    """Fails if a translation is lost, changed, or demanded twice."""

    def of(text, **given):
        return written(tokenizer, read(tokenizer, text, **given))

    assert of("the dog", glossary={"dog": "katze"}) == (["katze"], "the dog")
    assert of("the dog", glossary={"dog": "Kätzchen №"}) == ([], "the Kätzchen №")
    assert of("the dog", keep=["Dog"]) == ([], "the dog")
    assert of("the Dog", glossary={"dog": "katze " * 9 + "hund"})[1].endswith("katze hund")
    assert of("the Szulc 42", glossary={"Szulc": "Schulz"}) == ([], "the Schulz 42")
    phrases, text = of("dog " * 20, glossary={"dog": "hund"}, room=100)
    assert len(phrases) == PHRASES
    assert text == "dog " * PHRASES + "hund hund hund hund"
    assert len(of("dog dog", glossary={"dog": "hund"}, room=2)[0]) < 2


def test_tokens_belong_to_their_phrase(tokenizer):
    sentence = read(tokenizer, "the dog sees the dog", {"dog": "hund", "sees": "sieht"})
    spans = sentence.tokens.spans
    of = [
        "the dog sees the dog"[a:b]
        for (a, b), p in zip(spans, sentence.phrase_of, strict=True)
        if p == 1
    ]
    assert "".join(of) == "sees"


def test_terms_beyond_the_last_token_are_left_out(tokenizer):
    """Fails if a truncated sentence owes the translation of what was cut off."""
    sentence = read(tokenizer, "the dog sees one cat", {"cat": "katze", "dog": "hund"}, most=6)
    assert written(tokenizer, sentence)[0] == ["hund"]
    assert not (sentence.tokens.ids == UNK).any()
