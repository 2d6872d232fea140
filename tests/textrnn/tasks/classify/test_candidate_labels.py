"""Labels to choose from."""

import numpy as np
import pytest

from textrnn.batching import Limits
from textrnn.errors import InvalidText
from textrnn.tasks import Outputs
from textrnn.tasks.classify.options import ClassifyOptions
from textrnn.tasks.classify.task import Classify, ClassifyConfig, ClassifyRows
from textrnn.text import WordTokenizer


@pytest.fixture(scope="module")
def identifier(detector):
    return detector.predictor


def test_scores_are_those_of_all_labels_renormalised(identifier):
    """Fails if another label keeps some of the probability, or candidates are mixed up."""
    texts = ["the red fox", "ich und der Hund", "17"]
    chosen = ("fr", "en", "de")
    everything = identifier.predict(texts)
    for whole, answer in zip(
        everything, identifier.predict(texts, candidate_labels=chosen), strict=True
    ):
        scores = {s["label"]: s["score"] for s in whole["scores"] if s["label"] in chosen}
        total = sum(scores.values())
        expected = sorted(((p / total, label) for label, p in scores.items()), reverse=True)
        assert [s["label"] for s in answer["scores"]] == [label for _, label in expected]
        found = [s["score"] for s in answer["scores"]]
        assert found == pytest.approx([p for p, _ in expected], abs=1e-6)
        assert (answer["label"], answer["score"]) == (expected[0][1], found[0])


def test_the_best_candidate_is_explained(identifier):
    """Fails if the explanation is of the best of all labels, or of its score among all."""
    text = "ich und der Hund"
    (all_labels,) = identifier.predict([text], explain=True)
    (answer,) = identifier.predict([text], explain=True, candidate_labels=("en", "fr"))
    explanation = answer["explanation"]
    assert all_labels["explanation"]["label"] == "de"
    assert explanation["label"] == answer["label"] in ("en", "fr")
    total = explanation["baseline"] + sum(token["share"] for token in explanation["tokens"])
    assert total == pytest.approx(answer["score"], abs=1e-4)


def test_an_unknown_label_is_one_clear_error(identifier):
    with pytest.raises(InvalidText, match="it has de, en, fr, und, zh-Hans") as caught:
        identifier.predict(["a"], candidate_labels=("en", "secret"))
    assert (caught.value.code, caught.value.option) == ("unknown_label", "candidate_labels")
    assert "secret" not in str(caught.value)


def test_candidates_of_several_labels_keep_their_thresholds():
    """Fails if the threshold of another label decides."""
    rows = [{"text": "a", "labels": [label]} for label in "pqr"]
    config = ClassifyConfig(multi_label=True, thresholds=(0.9, 0.2, 0.6))
    task = Classify.fit(config, WordTokenizer.fit(["a"], 10), Limits(), rows)
    example = task.read(rows[0], ClassifyOptions(candidate_labels=("r", "q")))
    answer = task.answer([Outputs(ClassifyRows(np.array([9.0, -1.0, 0.0])))], example)
    assert answer["labels"] == ["q"]
    assert [score["label"] for score in answer["scores"]] == ["r", "q"]
