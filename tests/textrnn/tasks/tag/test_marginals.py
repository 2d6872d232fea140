"""Label probabilities of each word."""

import numpy as np
import pytest

import textrnn
from support.http_calls import call
from textrnn.tasks.tag.marginals import by_label

TEXT = "\U0001f44d Ada Lovelace met Bob in New York .\n\nis Oslo big ?"


def test_tags_of_a_type_are_summed():
    tagset = ["O", "B-PER", "I-PER", "E-PER", "S-PER", "B-LOC", "I-LOC", "E-LOC", "S-LOC"]
    probabilities = np.array([[0.1, 0.05, 0.05, 0, 0.1, 0.3, 0.3, 0.1, 0], [0.6, 0.4] + [0] * 7])
    with np.errstate(divide="ignore"):
        labels_of = by_label(np.log(probabilities), tagset, entities=True)
    assert [tag["label"] for tag in labels_of[0]] == ["LOC", "PER", "O"]
    assert [tag["score"] for tag in labels_of[0]] == pytest.approx([0.7, 0.2, 0.1])
    assert [tag["label"] for tag in labels_of[1]] == ["O", "PER", "LOC"]


def test_marginals_of_a_tagger(tag_bundle):
    """The marginal of a word is at least the score of a single-word entity, and the marginals of a
    word sum to 1. Fails if words, windows or tags are mixed up."""
    predictor = textrnn.load(tag_bundle)
    (answer,) = predictor.predict([TEXT], marginals=True)
    words = answer["tokens"]
    assert [word["text"] for word in words] == TEXT.split()
    assert all(TEXT[word["start"] : word["end"]] == word["text"] for word in words)
    for word in words:
        assert sum(tag["score"] for tag in word["tags"]) == pytest.approx(1, abs=1e-4)
        assert {tag["label"] for tag in word["tags"]} == {"O", "PER", "LOC"}
    best = {word["start"]: word["tags"][0] for word in words}
    for entity in answer["entities"]:
        assert best[entity["start"]]["label"] == entity["label"]
        assert best[entity["start"]]["score"] >= entity["score"] - 1e-5
    assert best[0]["label"] == "O"


def test_over_http(tag_context):
    response = call(tag_context, "POST", "/v1/tag", json={"text": TEXT, "marginals": True})
    (result,) = response.json()["results"]
    assert [word["tags"][0]["label"] for word in result["tokens"]] == (
        ["O", "PER", "PER", "O", "PER", "O", "LOC", "LOC", "O", "O", "LOC", "O", "O"]
    )
