"""Integrated gradients of functions with known attributions, and of a trained classifier."""

import jax.numpy as jnp
import numpy as np
import pytest

from service.server import check_limits
from service.settings import Settings
from support.http_calls import SECRET, call
from textrnn.batching import Buckets
from textrnn.errors import InvalidText, UserError
from textrnn.tasks.classify.integrated_gradients import integrated_gradients
from textrnn.tasks.classify.task import Classify, ClassifyConfig, ClassifyOptions
from textrnn.text import WordTokenizer

RANDOM = np.random.default_rng(7)
X = jnp.asarray(RANDOM.normal(size=(5, 3, 4)), jnp.float32)
"""[time, rows, features]"""


def test_attributions_of_a_linear_score_are_its_terms():
    weights = RANDOM.normal(size=(5, 4)).astype(np.float32)

    def score(x):
        return (x * weights[:, None]).sum(axis=(0, 2)) + 3

    attributions = integrated_gradients(score, X, jnp.zeros_like(X), points=4)
    np.testing.assert_allclose(
        attributions.attributions, (X * weights[:, None]).sum(-1).T, atol=1e-5
    )
    np.testing.assert_allclose(attributions.baseline, 3, atol=1e-6)
    np.testing.assert_allclose(attributions.remainder, 0, atol=1e-4)


def test_attributions_and_baseline_add_up_to_the_score():
    """For a product, whose gradient changes along the path. Fails if the points are wrong, if rows
    and points are mixed up, or if the remainder is lost."""

    def score(x):
        return jnp.tanh(x[0, :, 0] * x[1, :, 1] * x[2, :, 2]) + x[3, :, 0] ** 3

    few, many = (integrated_gradients(score, X, X * 0.1, points) for points in (3, 300))
    for result in (few, many):
        total = result.baseline + result.attributions.sum(-1)
        np.testing.assert_allclose(total, score(X), atol=1e-5)
    assert np.abs(many.remainder).max() < 1e-3 < np.abs(few.remainder).max()


def test_irrelevant_tokens_have_no_attribution():
    attributions = integrated_gradients(
        lambda x: x[1].sum(-1) ** 2, X, jnp.zeros_like(X), 8
    ).attributions
    assert (np.abs(np.delete(attributions, 1, axis=1)) < 1e-6).all()


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


def test_over_http_explained(context, served):
    for shape in served.predictor.task.shapes():
        served.predictor.warm(shape)
    body = {"texts": ["a great plot", "an awful film"], "explain": True}
    results = call(context, "POST", "/v1/classify", json=body).json()["results"]
    for result in results:
        explanation = result["explanation"]
        total = explanation["baseline"] + sum(token["share"] for token in explanation["tokens"])
        assert total == pytest.approx(result["score"], abs=1e-5)


def test_too_long_to_be_explained():
    """Fails if a long text can occupy the device for POINTS times its own cost."""
    config = ClassifyConfig.parse({"labels": ["a", "b"]}, source="test")
    task = Classify(config, WordTokenizer.fit(["a"], 10), Buckets(lengths=(16, 256, 1024)))
    text = SECRET + " a" * 300
    assert len(task.read({"text": text}, ClassifyOptions())) > 300
    with pytest.raises(InvalidText, match="254 tokens") as caught:
        task.read({"text": text}, ClassifyOptions(explain=True))
    assert (caught.value.code, caught.value.limit) == ("explanation_too_long", 254)
    assert SECRET not in str(caught.value)


def test_an_explanation_that_is_not_compiled_yet_is_a_503(make_context, tiny_bundle):
    """Fails if a request waits for a compilation, or is a 500."""
    from support.models import ready

    context = make_context()
    fresh = ready(tiny_bundle)
    context.models.add(fresh)
    before = fresh.predictor.compilations
    response = call(context, "POST", "/v1/classify", json={"text": "a plot", "explain": True})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert fresh.predictor.compilations == before


def test_a_queue_too_small_for_an_explanation_is_refused_at_startup(served):
    """Fails if limits are compared with the cost of the text without its explanation."""
    most = max(length for length in served.predictor.task.buckets.lengths if length <= 256) * 32
    models = {served.name: served}
    check_limits(models, Settings(queue_tokens=most))
    with pytest.raises(UserError, match="raise queue_tokens"):
        check_limits(models, Settings(queue_tokens=most - 1))
