import pytest

from textrnn.text.truecasing import COPIED_WORD, Truecaser

TEXTS = [
    "The bread is old, and the house is not.",
    "Is the bread old? The house is.",
    "I saw Tom, mark and the man; Mark saw me.",
    "Nobody saw it. Not me.",
]


@pytest.fixture(scope="module")
def truecaser():
    return Truecaser.fit(TEXTS)


@pytest.mark.parametrize(
    ("text", "truecased"),
    [
        ("The house", "the house"),
        ("Bread", "bread"),
        ('("Is it?")', '("is it?")'),
        ("I saw", "I saw"),
        ("Tom saw", "Tom saw"),
        ("Mark saw", "Mark saw"),
        ("THE house", "THE house"),
        ("The's", "The's"),
        ("{name} The", "{name} The"),
        (f"{COPIED_WORD}The house", f"{COPIED_WORD}the house"),
        (f'"{COPIED_WORD} (The house)', f'"{COPIED_WORD} (the house)'),
        (f"Tom {COPIED_WORD}The", f"Tom {COPIED_WORD}The"),
        ("Zed", "Zed"),
        ("", ""),
    ],
)
def test_the_first_word_is_written_as_within_a_sentence(truecaser, text, truecased):
    """Fails if a name loses its capital, or a word that is not the first changes."""
    assert truecaser.apply(text) == truecased


@pytest.mark.parametrize(
    ("text", "truecased"),
    [
        ("The Bread Is Old", "the bread is old"),
        ("Mark Saw It And The House", "mark saw it and the house"),
        ("The Bread of the House Is Not Old", "the bread of the house is not old"),
        ("Tom Saw It", "Tom saw it"),
        ("The USA Is Old", "the USA is old"),
        ("Bread House", "bread House"),
        ("Tom and Mark", "Tom and Mark"),
        ("Tom Zed Bread", "Tom Zed Bread"),
        ("The Bread of an Old Zed", "the Bread of an Old Zed"),
        ("The Bread smells Old", "the Bread smells Old"),
    ],
)
def test_a_headline_is_written_as_a_sentence(text, truecased):
    """Fails if the words of a headline keep their capitals, or a name or a sentence loses one."""
    words = {"the", "bread", "is", "old", "mark", "saw", "it", "and", "house", "of", "not"}
    assert Truecaser(words).apply(text) == truecased


def test_the_starts_of_sentences_do_not_count(truecaser):
    """Fails if "Not", after a full stop, counts as written with a capital within a sentence."""
    assert Truecaser.fit([*TEXTS, "It is not old."]).apply("Not me") == "not me"
    assert truecaser.apply("Nobody") == "Nobody"


def test_a_word_may_have_a_capital_now_and_then():
    """Fails if one title loses the capital rule of a frequent word."""
    texts = ["See the house."] * 5 + ["See The House."]
    assert Truecaser.fit(texts).lower_case == {"the", "house"}
    assert Truecaser.fit(texts[1:]).lower_case == set()
