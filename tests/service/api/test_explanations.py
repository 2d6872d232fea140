"""Explanations of classifications over HTTP."""

import pytest

from service.server import check_limits
from service.settings import Settings
from support.http_calls import call
from textrnn.errors import UserError
from textrnn.tasks.classify.explanation import POINTS
from textrnn.tasks.classify.task import EXPLAINED


def test_attributions_and_baseline_add_up_to_the_score(context):
    body = {"texts": ["a great plot", "an awful film"], "explain": True}
    results = call(context, "POST", "/v1/classify", json=body).json()["results"]
    for result in results:
        explanation = result["explanation"]
        total = explanation["baseline"] + sum(token["share"] for token in explanation["tokens"])
        assert total == pytest.approx(result["score"], abs=1e-5)


def test_a_queue_too_small_for_an_explanation_is_refused_at_startup(served):
    """Fails if limits are compared with the cost of the text without its explanation."""
    most = min(served.predictor.task.limits.length, EXPLAINED) * POINTS
    models = {served.name: served}
    check_limits(models, Settings(queue_tokens=most))
    with pytest.raises(UserError, match="raise queue_tokens"):
        check_limits(models, Settings(queue_tokens=most - 1))
