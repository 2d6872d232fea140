import random

import pytest

from support.rows import source_rows
from textrnn.errors import UserError
from training.phrases.pairs import phrase_pairs
from training.recipe import Source

NOUNS = {"dog": "Hund", "brother": "Bruder", "teacher": "Lehrer", "front door": "Haustür"}
ARTICLES = {"my": "mein", "a": "ein", "the": "das", "this": "dieses"}
VERBS = {"sees": "sieht", "hears": "hört", "likes": "mag"}
TIMES = {"on Friday": "am Freitag", "today": "heute", "in May": "im Mai"}
NAMES = {"Tom": "Tom", "Maria": "Maria"}


def sentences(count: int) -> list[tuple[str, str]]:
    """Made-up sentences, of which the second language often has the time before the object."""
    draw = random.Random(0)

    def one_of(*choices: dict[str, str]) -> tuple[str, str]:
        parts = [draw.choice(list(choice.items())) for choice in choices]
        return " ".join(part[0] for part in parts), " ".join(part[1] for part in parts)

    pairs = []
    for _ in range(count):
        verb, time = one_of(VERBS), one_of(TIMES | {"": ""})
        subject, thing = (
            one_of(NAMES) if draw.random() < 0.3 else one_of(ARTICLES, NOUNS) for _ in range(2)
        )
        source, target = [[subject[side], verb[side], thing[side]] for side in (0, 1)]
        source.insert(draw.choice([0, 3]), time[0])
        target.insert(0 if source[0] == time[0] else draw.choice([2, 3]), time[1])
        pairs.append((_sentence(source), _sentence(target)))
    return pairs


def _sentence(parts: list[str]) -> str:
    text = " ".join(filter(None, parts))
    return f"{text[0].upper()}{text[1:]}."


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    pairs = phrase_pairs(sentences(300))
    assert len(pairs) == len({source for source, _ in pairs})
    return dict(pairs)


def test_words_and_phrases_have_their_translations(found):
    """Fails if a part of the extraction is wrong, or fragments are not as they are typed."""
    words = NOUNS | VERBS | TIMES | ARTICLES
    assert {source: found.get(source) for source in words} == words
    assert found["my brother"] == "mein Bruder"
    assert found["this front door"] == "dieses Haustür"


def test_fragments_that_nobody_types_are_left_out(found):
    """Fails if phrases are cut off in the middle, have marks at their ends, or are names."""
    phrases = [source for source in found if " " in source]
    assert not [phrase for phrase in phrases if phrase.split()[-1] in {*ARTICLES, "in", "on"}]
    assert not [text for pair in found.items() for text in pair if "." in text]
    assert not [source for source in found if set(source.split()) & set(NAMES)]


def test_what_stands_alone_decides():
    """Fails if "no" is translated as it is within sentences, where it is more frequent."""
    within = [(f"Tom sees no {s}.", f"Tom sieht kein {t}.") for s, t in NOUNS.items()] * 3
    alone = [("No.", "Nein."), ("No, today.", "Nein, heute.")] * 2
    assert dict(phrase_pairs([*sentences(100), *within, *alone]))["no"] == "Nein"


def test_words_come_first_and_frequent_ones_first():
    """Fails if a limit leaves out what is typed most."""
    pairs = phrase_pairs(sentences(300))
    is_phrase = [" " in source for source, _ in pairs]
    assert is_phrase == sorted(is_phrase)
    assert phrase_pairs(sentences(300), 5) == pairs[:5]
    assert phrase_pairs([]) == []


def test_a_source_adds_its_phrases(tmp_path, monkeypatch):
    """Fails if a recipe's key is ignored, or phrases replace sentences."""
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    lines = [f"{source}\t{target}\n" for source, target in sentences(100)]
    (tmp_path / "pairs.tsv").write_text("".join(lines))
    settings = {"path": "pairs.tsv", "columns": ["source", "target"]}
    plain = source_rows(Source.parse(settings, source="test"), "translate")
    settings |= {"phrase_pairs": 10, "repeat": 2}
    rows = source_rows(Source.parse(settings, source="test"), "translate")
    assert rows[:200:2] == plain
    phrases = dict(phrase_pairs(sentences(100), 10))
    assert rows[200::2] == [{"source": s, "target": t} for s, t in phrases.items()]
    source = Source.parse(settings | {"columns": ["text", "label"]}, source="test")
    with pytest.raises(UserError, match="phrase_pairs needs sentence pairs"):
        source_rows(source, "classify")
