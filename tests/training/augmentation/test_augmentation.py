"""Augmentation: what is changed, how often, and that it can be repeated."""

from random import Random

import pytest

from training.augmentation import Augmentation, AugmentConfig
from training.augmentation.names import NameReplacement
from training.augmentation.phrases import with_insertion, with_slot, wrapped
from training.augmentation.spelling import (
    respelled,
    title_case,
    with_typing_error,
    without_final_mark,
    without_punctuation,
)

ROWS = [
    {"source": f"I saw {name} at the {place}.", "target": f"Ich sah {name} im {platz}."}
    for name in ("Tom", "Mary", "Ken")
    for place, platz in (("park", "Park"), ("zoo", "Zoo"), ("garden", "Garten"))
]
LINKS = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5)]
"""I-Ich saw-sah Tom-Tom at-im the-im park-Park .-."""


def augmented(config, epoch=0, seed=0, rows=ROWS, links=()):
    return Augmentation(AugmentConfig(**config), rows, seed, "de", links).rows(epoch)


def test_nothing_is_changed_by_default():
    assert augmented({}) == ROWS


def test_rows_are_a_function_of_seed_and_epoch():
    """Fails if a resumed run sees other rows, or if all epochs see the same."""
    config = {"lower_case": 0.5, "names": 0.5, "typing_error": 0.5, "wrapping": 0.5}
    first = augmented(config, epoch=3)
    assert first == augmented(config, epoch=3)
    assert first != augmented(config, epoch=4)
    assert first != augmented(config, epoch=3, seed=1)


def test_probabilities_are_kept():
    """Fails if a change is made always, never, or together with another one that excludes it."""
    rows = ROWS * 100
    changed = augmented({"lower_case": 0.2, "title_case": 0.1}, rows=rows)
    lower = sum(row["source"].islower() for row in changed)
    title = sum(row["source"].istitle() for row in changed)
    assert 0.15 < lower / len(rows) < 0.25
    assert 0.06 < title / len(rows) < 0.14
    assert [row["target"] for row in changed] == [row["target"] for row in rows]


def test_final_marks_are_left_out_of_both_texts():
    for row in augmented({"final_mark": 1}):
        assert row["source"][-1].isalpha()
        assert row["target"][-1].isalpha()


def test_the_form_of_address_is_told_if_there_is_one():
    rows = [
        {"source": "Can you help?", "target": target}
        for target in ("Kannst du helfen?", "Können Sie helfen?", "Sie kann helfen.")
    ]
    told = [row.get("formality") for row in augmented({"formality": 1}, rows=rows)]
    assert told == ["informal", "formal", None]
    assert all("formality" not in row for row in augmented({}, rows=rows))


def test_text_without_translation_is_changed_too():
    rows = [{"text": "It's fine.", "label": "good"}]
    assert augmented({"lower_case": 1}, rows=rows) == [{"text": "it's fine.", "label": "good"}]


@pytest.mark.parametrize(
    ("text", "shorter"),
    [
        ("Go on!", "Go on"),
        ("So ...", "So"),
        ("at 8 a.m.", "at 8 a.m."),
        ("...", "..."),
        ("¿Qué hora es?", "Qué hora es"),
        ("¡Hola", "¡Hola"),
    ],
)
def test_final_marks(text, shorter):
    assert without_final_mark(text) == shorter


def test_spelling():
    assert title_case("don't look at Ärger") == "Don't Look At Ärger"
    assert without_punctuation("I don't, you do") == "I dont you do"
    assert without_punctuation("¿Qué?") == "Qué?"
    assert respelled("Straße", {"ß": "ss"}) == "Strasse"
    assert {with_typing_error("a word", Random(seed)) for seed in range(40)} <= {
        "a owrd", "a wrod", "a wodr", "a ord", "a wrd", "a wod", "a wword", "a woord", "a worrd",
    }  # fmt: skip
    assert with_typing_error("a b", Random(0)) == "a b"


def test_names_are_replaced_in_both_texts():
    """Fails if one of the two keeps the old name, or if a word that is no name is replaced."""
    pairs = [(row["source"], row["target"]) for row in ROWS]
    names = NameReplacement(pairs * 5, [("Mr.", "Herr")])
    assert names.known == ["Ken", "Mary", "Tom"]
    seen = set()
    for seed in range(60):
        source, target = names.replaced(*pairs[0], Random(seed))
        name = source.removeprefix("I saw ").removesuffix(" at the park.")
        assert target == f"Ich sah {name.replace('Mr.', 'Herr')} im Park."
        seen.add(name)
    assert any(name.startswith("Mr. ") for name in seen)
    assert {"Garden", "Zoo"} & seen
    assert "{name}" in seen
    inflected = ("I saw Tom and Tom's dog.", "Ich sah Tom und Toms Hund.")
    assert names.replaced(*inflected, Random(0)) == inflected


def test_phrases_are_changed_with_their_translations():
    """Fails if a phrase is wrapped whose translation contains words from outside of it."""
    source, target = ROWS[0]["source"], ROWS[0]["target"]
    translations = {
        "I": "Ich", "saw": "sah", "Tom": "Tom", "park": "Park", "at the": "im",
        "I saw": "Ich sah", "saw Tom": "sah Tom", "I saw Tom": "Ich sah Tom",
        "at the park": "im Park", "Tom at the": "Tom im", "Tom at the park": "Tom im Park",
        "saw Tom at the": "sah Tom im", "I saw Tom at the": "Ich sah Tom im",
        "saw Tom at the park": "sah Tom im Park",
    }  # fmt: skip
    for seed in range(200):
        before, after = with_slot(source, target, LINKS, Random(seed))
        if "{name}" not in before:
            assert (before, after) == (source, target)
            continue
        first, last = before.split("{name}")
        phrase = source[len(first) : len(source) - len(last)]
        assert after == target.replace(translations[phrase], "{name}", 1)
        before, after = wrapped(source, target, LINKS, Random(seed))
        for mark in ('"', "'", "*"):
            if before.count(mark) == 2:
                phrase, translation = before.split(mark)[1], after.split(mark)[1]
                assert translations[phrase] == translation


def test_an_insertion_splits_both_texts_alike():
    source, target = ROWS[0]["source"], ROWS[0]["target"]
    places = set()
    for seed in range(60):
        pair = with_insertion(source, target, LINKS, ("he sings", "er singt"), Random(seed))
        places.add(pair)
    assert ("I saw Tom (he sings) at the park.", "Ich sah Tom (er singt) im Park.") in places
    assert not any("at (he sings)" in before for before, _ in places)
