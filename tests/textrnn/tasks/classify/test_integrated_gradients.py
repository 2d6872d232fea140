"""Integrated gradients of functions with known attributions, and of a trained classifier."""

import jax.numpy as jnp
import numpy as np
import pytest

from support.ragged import to_ragged, to_rows
from textrnn.batching import Limits
from textrnn.errors import InvalidText
from textrnn.layers.ragged import to_grid
from textrnn.tasks.classify.integrated_gradients import integrated_gradients
from textrnn.tasks.classify.task import Classify, ClassifyConfig, ClassifyOptions
from textrnn.text import WordTokenizer

RANDOM = np.random.default_rng(7)
LENGTHS = [5, 0, 4, 5]
X, _ = to_ragged([RANDOM.normal(size=(length, 4)) for length in LENGTHS])


def by_row(function):
    """A score for copies of a ragged batch, from a function of [rows, 5, 4]."""
    return lambda x, lengths: function(to_grid(x, lengths, 5))


def attributions_of(function, baseline, points):
    return integrated_gradients(by_row(function), X, baseline, jnp.array(LENGTHS), points)


def test_attributions_of_a_linear_score_are_its_terms():
    """Fails if rows, tokens or features are mixed up, or padding has an attribution."""
    weights = RANDOM.normal(size=(5, 4)).astype(np.float32)
    result = attributions_of(lambda x: (x * weights).sum(axis=(1, 2)) + 3, jnp.zeros_like(X), 4)
    rows = zip(to_rows(X, LENGTHS), to_rows(result.attributions, LENGTHS), strict=True)
    for row, attributions in rows:
        np.testing.assert_allclose(attributions, (row * weights[: len(row)]).sum(-1), atol=1e-5)
    assert not result.attributions[sum(LENGTHS) :].any()
    np.testing.assert_allclose(result.baseline, 3, atol=1e-6)
    np.testing.assert_allclose(result.remainder, 0, atol=1e-4)


def test_attributions_and_baseline_add_up_to_the_score():
    """For a product, whose gradient changes along the path. Fails if the points are wrong, if rows
    and points are mixed up, or if the remainder is lost."""

    def score(x):
        return jnp.tanh(x[:, 0, 0] * x[:, 1, 1] * x[:, 2, 2]) + x[:, 3, 0] ** 3

    few, many = (attributions_of(score, X * 0.1, points) for points in (3, 300))
    expected = by_row(score)(X, jnp.array(LENGTHS))
    for result in (few, many):
        sums = [row.sum() for row in to_rows(result.attributions, LENGTHS)]
        np.testing.assert_allclose(result.baseline + np.array(sums), expected, atol=1e-5)
    assert np.abs(many.remainder).max() < 1e-3 < np.abs(few.remainder).max()


def test_irrelevant_tokens_have_no_attribution():
    """Fails if the remainder is given to tokens that the score does not depend on."""
    result = attributions_of(lambda x: x[:, 1].sum(-1) ** 2, jnp.zeros_like(X), 8)
    for attributions in to_rows(result.attributions, LENGTHS):
        others = np.arange(len(attributions)) != 1
        assert (np.abs(attributions[others]) < 1e-6).all()


def test_a_classifier_explains_its_score(warm_predictor):
    """The decisive word has the largest attribution, at its position. Fails if attributions are
    those of another label or token, or do not add up to the score."""
    text = "the 😀 film was lovely and the ending"
    (answer,) = warm_predictor.predict([text], explain=True)
    explanation = answer["explanation"]
    assert explanation["label"] == answer["label"] == "friendly"
    attributions = {token["text"]: token["share"] for token in explanation["tokens"]}
    total = explanation["baseline"] + sum(token["share"] for token in explanation["tokens"])
    assert total == pytest.approx(answer["score"], abs=1e-5)
    assert max(attributions, key=lambda text: attributions[text]) == "lovely"
    assert abs(attributions["😀"]) < 1e-6, "the baseline consists of unknown words"
    assert all(text[t["start"] : t["end"]] == t["text"] for t in explanation["tokens"])


def test_explained_or_not_a_text_has_one_score(warm_predictor):
    texts = ["a great plot", "an awful film", "the scene"]
    plain = warm_predictor.predict(texts)
    explained = warm_predictor.predict(texts, explain=True)
    for a, b in zip(plain, explained, strict=True):
        assert a["label"] == b["label"]
        assert a["score"] == pytest.approx(b["score"], abs=1e-5)


def test_too_long_to_be_explained():
    """Fails if a long text can occupy the device for POINTS times its own cost."""
    config = ClassifyConfig.parse({"labels": ["a", "b"]}, source="test")
    task = Classify(config, WordTokenizer.fit(["a"], 10), Limits(length=1024))
    text = "secret" + " a" * 300
    assert len(task.read({"text": text}, ClassifyOptions())) > 300
    with pytest.raises(InvalidText, match="254 tokens") as caught:
        task.read({"text": text}, ClassifyOptions(explain=True))
    assert (caught.value.code, caught.value.limit) == ("explanation_too_long", 254)
    assert "secret" not in str(caught.value)
