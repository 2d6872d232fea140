"""Made opinions, emotions and entities."""

import re
from collections import Counter

import pytest

from support.rows import source_rows
from textrnn.bundle import load_bundle
from textrnn.errors import UserError
from training.recipe import Source
from training.templates.emotions import made_emotions
from training.templates.entities import made_entities
from training.templates.opinions import made_opinions

LABELS = {"positive", "neutral", "negative"}


@pytest.fixture(scope="module")
def opinions():
    return list(made_opinions(20_000, seed=0))


@pytest.fixture(scope="module")
def emotions():
    return list(made_emotions(20_000, seed=0))


@pytest.mark.parametrize(("make", "least"), [(made_opinions, 900), (made_emotions, 60)])
def test_texts_depend_on_the_arguments_alone(make, least):
    """Fails if texts repeat too often, or a label is rare."""
    made = list(make(3000, seed=0))
    assert list(make(3000, seed=0)) == made
    assert list(make(3000, seed=1)) != made
    assert len(set(made)) > 1800
    assert min(Counter(label for _, label in made).values()) > least


@pytest.mark.parametrize("made", ["opinions", "emotions"])
def test_a_text_has_one_label(made, request):
    """Fails if a model would be trained on two answers to one question."""
    labelled = {(text.lower().strip(".!"), label) for text, label in request.getfixturevalue(made)}
    assert len(dict(labelled)) == len(labelled)


@pytest.mark.parametrize(
    ("made", "pattern", "label"),
    [
        ("opinions", r"(?i)not (bad|awful|boring|ugly|dull|poor) at all\W*", "positive"),
        ("opinions", r"(?i)not (good|great|perfect|funny|nice|lovely) at all\W*", "negative"),
        ("opinions", r".* is not (good|great|amazing|nice|lovely)\W*", "negative"),
        ("opinions", r".* is anything but (bad|awful|dull|boring|poor)\W*", "positive"),
        ("opinions", r"(?i)the \w+ (broke|cracked|melted) after .*", "negative"),
        ("opinions", r"(?i)the shop opens .*", "neutral"),
        ("opinions", r"I have never had a better \w+\W*", "positive"),
        ("opinions", r"[45]/5", "positive"),
        ("opinions", r"★★★☆☆|3 of 5", "neutral"),
        ("opinions", r"(1|2|3|4)/10", "negative"),
        ("opinions", r"(?i)one star", "negative"),
        ("opinions", r"👎+", "negative"),
        ("emotions", r"(?i)I'm not (angry|mad|scared|sad) .*", "neutral"),
        ("emotions", r"(?i)I'm so (sad|heartbroken)\W*", "sadness"),
        ("emotions", r"(?i)(thanks|thank you|thx|ty)\W*", "gratitude"),
        ("emotions", r"(?i)my sister works in .*", "neutral"),
        ("emotions", r"🤮+", "disgust"),
    ],
)
def test_the_label_is_what_people_mean(made, pattern, label, request):
    """Fails if a negation, the scale of a rating or a denied emotion is not taken into account."""
    texts = request.getfixturevalue(made)
    found = [one for text, one in texts if re.fullmatch(pattern, text)]
    assert set(found) == {label}


@pytest.mark.parametrize("made", ["opinions", "emotions"])
def test_texts_are_written_as_people_write(made, request):
    """Fails if a field of a template is left, or an article is wrong."""
    text = "\n".join(text for text, _ in request.getfixturevalue(made))
    assert not set("{}|") & set(text)
    assert not re.search(r"\ba [aeio]", text, re.IGNORECASE)
    assert re.search(r"\ban [aeio]", text, re.IGNORECASE)
    assert re.search(r"^[a-z]", text, re.MULTILINE)
    assert re.search(r"^[A-Z]", text, re.MULTILINE)


def test_emotions_are_those_of_a_recipe(emotions):
    """Fails if a label of the shipped model is never made, or is misspelt."""
    assert {label for _, label in emotions} == set(load_bundle("emotion-en").task.config.labels)


def test_entities_are_where_the_names_are():
    """Fails if a mark is left in a text, an entity is cut or nested, or a title is a part of it."""
    rows = list(made_entities(5000, seed=0))
    assert rows == list(made_entities(5000, seed=0))
    names = {"PER": Counter(), "LOC": Counter(), "ORG": Counter()}
    for row in rows:
        text, end = row["text"], 0
        assert not set("{}⟦⟧|\\") & set(text)
        for entity in row["entities"]:
            assert end <= entity["start"] < entity["end"] <= len(text)
            end = entity["end"]
            name = text[entity["start"] : end]
            assert name == name.strip()
            assert not re.match(r"(?i)(the|mr|dr|prof|president)\b", name)
            names[entity["label"]][name] += 1
    assert min(map(len, names.values())) > 400
    assert names["LOC"]["Paris"]
    assert any(name.islower() for name in names["LOC"])
    assert {"Turkey", "Baden-Baden"} <= set(names["LOC"])
    assert {"Apple", "NATO"} <= set(names["ORG"])
    assert any("\n" in row["text"] for row in rows)
    assert any(row["text"].isupper() and row["entities"] for row in rows)
    assert sum(not row["entities"] for row in rows) > 400


def test_a_source_of_entities():
    """Fails if the rows of the source are not those that taggers are trained on."""
    source = Source.parse({"made": "entities", "rows": 20}, source="t")
    rows = list(source_rows(source, "tag"))
    assert rows == list(made_entities(20, seed=0))


def test_a_source_of_opinions():
    """Fails if the labels of the source cannot be renamed or dropped as those of files can."""
    keys = {"made": "opinions", "rows": 300}
    assert {
        row["label"] for row in source_rows(Source.parse(keys, source="t"), "classify")
    } == LABELS
    poles = {**keys, "drop_labels": ["neutral"], "label_names": {"positive": "1"}}
    found = source_rows(Source.parse(poles, source="t"), "classify")
    assert {row["label"] for row in found} == {"1", "negative"}
    with pytest.raises(UserError, match="requires rows"):
        Source.parse({"made": "opinions"}, source="t")
