"""Spans of a text with one label each."""

import unicodedata
from itertools import groupby, pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.batching import Limits
from textrnn.errors import InvalidText
from textrnn.tasks.classify.options import ClassifyOptions
from textrnn.tasks.classify.spans import REDRAWN, label_spans, split_units
from textrnn.tasks.classify.task import Classify, ClassifyConfig
from textrnn.text import CharTokenizer


@pytest.mark.parametrize(("units", "labels"), [(1, 3), (5, 3), (6, 2), (4, 1)])
def test_spans_equal_the_enumeration_of_all_paths(units, labels):
    """Fails on a wrong transition, or if a probability forgets what comes before or after."""
    rng = np.random.default_rng(units)
    for _ in range(5):
        scores = rng.normal(scale=3, size=(units, labels))
        likely = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        drawn = likely.mean(axis=0)
        step = (1 - REDRAWN) * np.eye(labels) + REDRAWN * drawn
        joint = {
            path: drawn[path[0]]
            * np.prod([step[a, b] for a, b in pairwise(path)])
            * np.prod(likely[range(units), path])
            for path in product(range(labels), repeat=units)
        }
        best = max(joint, key=lambda path: joint[path])
        spans = label_spans(scores)
        assert [span.label for span in spans] == [label for label, _ in groupby(best)]
        assert [span.end - span.start for span in spans] == [len([*g]) for _, g in groupby(best)]
        for start, end, label, probability in spans:
            same = sum(p * path[start:end].count(label) for path, p in joint.items())
            expected = same / sum(joint.values()) / (end - start)
            assert probability == pytest.approx(expected)


@given(
    st.text(
        st.characters(exclude_categories=["Cs"]) | st.sampled_from("a \u200b\u200d今\u0e01\u0e48")
    )
)
def test_units_of_any_text(text):
    """Fails if a unit begins or ends with white space or what is not seen, or a letter is lost."""
    end = 0
    for start, stop in split_units(text):
        assert end <= start < stop <= len(text)
        assert not {text[start], text[stop - 1]} & set(" \u200b\u200d")
        assert unicodedata.category(text[start])[0] not in "MZ"
        end = stop
    covered = {i for start, stop in split_units(text) for i in range(start, stop)}
    fillers = "\u115f\u1160\u3164\uffa0"
    letters = {
        i for i, c in enumerate(text) if unicodedata.category(c)[0] in "LNS" and c not in fillers
    }
    assert letters - covered == {i for i in letters if text[i] == "\u2800"}


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("the red fox\n ich und der Hund", [("en", "the red fox"), ("de", "ich und der Hund")]),
        (
            "\ufeff\U0001f600 17 \U0001f600 0176 je voudrais une maison",
            [("und", "\U0001f600 17 \U0001f600 0176"), ("fr", "je voudrais une maison")],
        ),
        (
            "今天我们很高兴the cat and the dog",
            [("zh-Hans", "今天我们很高兴"), ("en", "the cat and the dog")],
        ),
        ("the dog Hund and the red fox", [("en", "the dog Hund and the red fox")]),
    ],
    ids=["lines", "emoji", "without a space", "one word alone"],
)
def test_mixed_texts_are_split_where_their_label_changes(detector, text, spans):
    """Fails if offsets are not those of the text, or a switch costs nothing."""
    (answer,) = detector.predictor.predict([text], spans=True)
    assert [(span["label"], span["text"]) for span in answer["spans"]] == spans
    for span in answer["spans"]:
        assert text[span["start"] : span["end"]] == span["text"]
        assert 0.5 < span["score"] <= 1


def test_spans_change_nothing_else(detector):
    texts = ["the red fox ich und der Hund", "17"]
    plain = detector.predictor.predict(texts, explain=True)
    for answer, expected in zip(
        detector.predictor.predict(texts, explain=True, spans=True), plain, strict=True
    ):
        assert {name: answer[name] for name in expected} == expected


def test_candidates_of_spans(detector):
    (answer,) = detector.predictor.predict(
        ["the red fox ich und der Hund"], spans=True, candidate_labels=("fr", "en")
    )
    assert {span["label"] for span in answer["spans"]} <= {"fr", "en"}


def test_texts_longer_than_the_model_reads(detector):
    """Fails if the end of a text that is truncated has no spans, or if there is no limit."""
    text = "the red fox with the owl " * 10 + "je voudrais une maison avec les enfants"
    assert len(text) > detector.predictor.task.limit
    (answer,) = detector.predictor.predict([text], spans=True, truncate=True)
    assert answer["truncated"]
    assert [span["label"] for span in answer["spans"]] == ["en", "fr"]
    with pytest.raises(InvalidText, match="more than 504 tokens") as caught:
        detector.predictor.predict(["secret " * 100], spans=True, truncate=True)
    assert (caught.value.code, caught.value.limit) == ("spans_too_long", 504)


def test_the_costliest_text_with_spans():
    """Fails if a server accepts texts that its queue cannot hold."""
    config = ClassifyConfig(labels=("a", "b"))
    task = Classify(config, CharTokenizer("a "), Limits(length=64, tokens=256))
    longest = "a " * (4 * task.limit)
    example = task.read({"text": longest}, ClassifyOptions(spans=True, truncate=True))
    assert sum(len(window) * window.width for window in example.windows) <= task.costliest


def test_a_text_with_any_number_of_labels_has_no_spans():
    config = ClassifyConfig(labels=("a", "b"), multi_label=True)
    task = Classify(config, CharTokenizer("a"), Limits())
    with pytest.raises(InvalidText, match="one label") as caught:
        task.read({"text": "a"}, ClassifyOptions(spans=True))
    assert caught.value.option == "spans"


def test_a_text_that_is_not_seen_is_refused(detector):
    with pytest.raises(InvalidText, match="no visible character"):
        detector.predictor.predict(["\u200b"], spans=True)


def test_a_text_without_units_has_no_spans():
    assert label_spans(np.empty((0, 3))) == []
