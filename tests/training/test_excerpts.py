"""Excerpts of labelled texts, and texts that are in no language."""

import random
import unicodedata
from collections import Counter

import pytest

from support.rows import source_rows
from textrnn.errors import UserError
from training.excerpts import Excerpts, draw, excerpt, variant, without_accents
from training.fingerprints import fingerprints
from training.no_language import made_texts
from training.recipe import Source

TEXTS = {
    "de": ["Wir sehen uns morgen in der Straße!", "Das „Haus“ ist grün, sagt sie (leise)."],
    "fr": ["Où est la gare, s’il vous plaît ?", "12 + 3 = 15"],
    "zh": ["请问最近的地铁站在哪里？"],
}
ROWS = [{"label": label, "text": text} for label, texts in TEXTS.items() for text in texts]


def drawn(**settings):
    return list(draw(ROWS, Excerpts(**settings)))


@pytest.mark.parametrize("words", [1, 2, 3, 5])
def test_excerpts_are_whole_words_in_their_order(words):
    """Fails if a word is cut, left out in the middle, or too many are taken."""
    chance = random.Random(words)
    for text in [*TEXTS["de"], TEXTS["fr"][0]]:
        for _ in range(30):
            part = excerpt(text, words, 200, chance)
            assert part
            assert part in text
            assert 1 <= len([w for w in part.split() if any(map(str.isalpha, w))]) <= words
            before, after = text.split(part, 1)
            assert not before[-1:].isalnum()
            assert not after[:1].isalnum()


def test_scripts_without_spaces_are_cut_by_characters():
    """Fails if a Chinese sentence is taken for one word."""
    chance = random.Random(0)
    text = TEXTS["zh"][0]
    lengths = {len(excerpt(text, 1, 200, chance)) for _ in range(20)}
    assert lengths
    assert max(lengths) <= 4


def test_texts_are_whole_or_begin_at_a_word():
    """Fails if a long text is cut inside its first word, or is too long."""
    chance = random.Random(0)
    text = "alpha beta gamma delta epsilon"
    assert excerpt(text, 0, 200, chance) == text
    parts = {excerpt(text, 0, 12, chance) for _ in range(40)}
    assert len(parts) > 1
    assert all(len(part) <= 12 and part.split()[0] in text.split() for part in parts)


def test_each_label_gets_its_number():
    """Fails if the size of a corpus decides, a text is repeated too often, or a label with too few
    texts is kept."""
    counts = Counter(row["label"] for _, row in drawn(rows=6, rows_of={"fr": 4}, per_text=5))
    assert counts == {"de": 6, "fr": 4, "zh": 5}
    assert {row["label"] for _, row in drawn(rows=2, fewest=2)} == {"de", "fr"}
    used = Counter(index for index, _ in drawn(rows=8, per_text=8))
    assert used == {0: 4, 1: 4, 2: 4, 3: 4, 4: 8}


def test_drawing_depends_on_the_seed_alone():
    """Fails if a label's excerpts depend on other labels, or on anything but seed and texts."""
    first = drawn(rows=8, variants=0.5)
    assert first == drawn(rows=8, variants=0.5)
    assert first != drawn(rows=8, variants=0.5, seed=1)
    only = list(draw([row for row in ROWS if row["label"] == "de"], Excerpts(rows=8, variants=0.5)))
    assert only == [pair for pair in first if pair[1]["label"] == "de"]


def test_mistakes_are_named():
    """Fails if rows without a label, or no lengths, end in a traceback."""
    with pytest.raises(UserError, match="a row has none; remove excerpts"):
        list(draw([{"text": "a b"}], Excerpts()))
    with pytest.raises(UserError, match="words"):
        Excerpts.parse({"words": {}}, source="test")


def test_variants_keep_the_letters():
    """Fails if a variant loses words, or never changes anything."""
    chance = random.Random(0)
    text = "Où est l’hôtel, s’il vous plaît ?"
    found = {variant(text, chance) for _ in range(200)}
    assert text.upper() in found
    assert "Ou est l’hotel, s’il vous plait ?" in found
    assert "Où est l’hôtel s’il vous plaît" in found
    plain = without_accents(text).lower().replace("'", "’")
    for each in found:
        words = without_accents(each).lower().replace("'", "’")
        assert all(word in words for word in ("ou est", "l’hotel", "vous plait")), (each, plain)


def test_accents():
    """Fails if a letter is lost with its accent, or marks that are letters of other scripts are."""
    assert without_accents("Đặt Łódź, ναί") == "Đat Łodz, ναι"
    assert without_accents("हिन्दी") == "हिन्दी"


def test_a_source_of_excerpts(tmp_path, monkeypatch):
    """Fails if a source ignores the key, or draws before labels are renamed."""
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    lines = [f"{row['label']}\t{row['text']}" for row in ROWS]
    (tmp_path / "a.tsv").write_text("\n".join(["label\ttext", *lines]))
    settings = {
        "path": "a.tsv", "label_names": {"zh": "de"}, "excerpts": {"rows": 9, "words": {"1": 1}},
    }  # fmt: skip
    rows = source_rows(Source.parse(settings, source="test"), "classify")
    assert Counter(row["label"] for row in rows) == {"de": 9, "fr": 8}
    assert all(len(row["text"].split()) == 1 for row in rows if row["label"] == "de")


def test_texts_without_language():
    """Fails if made texts repeat, depend on more than their seed, are blank or malformed."""
    texts = list(made_texts(500, seed=0))
    assert texts == list(made_texts(500, seed=0))
    assert texts != list(made_texts(500, seed=1))
    assert len(set(texts)) > 450
    assert all(text.strip() for text in texts)
    assert all(unicodedata.category(char) not in ("Cs", "Cc") for char in "".join(texts))
    kinds = (str.isdecimal, str.isalpha, lambda text: not any(map(str.isalnum, text)))
    assert all(sum(map(kind, texts)) > 10 for kind in kinds)


def test_a_source_of_made_texts():
    """Fails if made texts cannot be split, have another label, or are said to be a file."""
    keys = {"made": "no-language", "rows": 300, "values": {"label": "und"}}
    sides = [
        source_rows(
            Source.parse({**keys, "holdout": {"fraction": 0.2, "side": side}}, source="test"),
            "classify",
        )
        for side in ("train", "dev")
    ]
    assert {row["label"] for side in sides for row in side} == {"und"}
    assert sum(map(len, sides)) == 300
    assert 30 < len(sides[1]) < 90
    assert fingerprints(Source.parse(keys, source="test")) == {}
    with pytest.raises(UserError, match="requires rows, and values"):
        Source.parse({"made": "no-language"}, source="test")
    with pytest.raises(UserError, match="set one of path, dataset and made"):
        Source.parse({**keys, "path": "a.tsv"}, source="test")
