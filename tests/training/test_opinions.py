"""Made opinions: ratings, emoji and negation."""

import re
from collections import Counter

import pytest

from support.rows import source_rows
from textrnn.errors import UserError
from training.opinions import made_opinions
from training.recipe import Source

LABELS = {"positive", "neutral", "negative"}


@pytest.fixture(scope="module")
def opinions():
    return list(made_opinions(6000, seed=0))


def test_opinions_depend_on_the_arguments_alone(opinions):
    """Fails if texts repeat too often, or one label is rare."""
    assert list(made_opinions(6000, seed=0)) == opinions
    assert list(made_opinions(6000, seed=1)) != opinions
    assert len(set(opinions)) > 3500
    counts = Counter(label for _, label in opinions)
    assert set(counts) == LABELS
    assert min(counts.values()) > 1700


def test_a_text_has_one_label(opinions):
    """Fails if a model would be trained on two answers to one question."""
    assert len(dict(opinions)) == len(set(opinions))


@pytest.mark.parametrize(
    ("pattern", "label"),
    [
        (r"Not bad at all\W*", "positive"),
        (r".* is not (good|great|amazing)\W*", "negative"),
        (r".* is anything but (bad|awful)\W*", "positive"),
        (r"I have never had a better \w+\W*", "positive"),
        (r"[45]/5", "positive"),
        (r"★★★☆☆", "neutral"),
        (r"(1|2|3|4)/10", "negative"),
        (r"one star", "negative"),
        (r"👎+", "negative"),
    ],
)
def test_the_label_is_what_people_mean(opinions, pattern, label):
    """Fails if a negation or the scale of a rating is not taken into account."""
    found = [one for text, one in opinions if re.fullmatch(pattern, text)]
    assert set(found) == {label}


def test_texts_are_written_as_people_write(opinions):
    """Fails if a field of a template is left, or an article is wrong."""
    text = "\n".join(text for text, _ in opinions)
    assert not set("{}|") & set(text)
    assert not re.search(r"\ba [aeio]", text, re.IGNORECASE)
    assert re.search(r"\ban [aeio]", text, re.IGNORECASE)
    assert re.search(r"^[a-z]", text, re.MULTILINE)
    assert re.search(r"^[A-Z]", text, re.MULTILINE)


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
