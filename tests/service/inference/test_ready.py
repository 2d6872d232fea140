"""What `ready` promises: every model answers on every route of every dialect, and nothing is
compiled from then on."""

import gc
import json
import random
import shutil
import threading
import time
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute

from service.app import DIALECTS
from service.inference.context import ServiceContext
from service.inference.lifecycle import Lifecycle
from service.inference.models import ServedModel, load_model
from service.observe.metrics import ServiceMetrics
from service.settings import Settings
from support.compilations import compilations
from support.data import BAD, GOOD, NEUTRAL
from support.http_calls import call
from support.log_watch import expecting
from support.replacing import change_temperature

DETAILS = {"log_probabilities": True, "top_log_probabilities": 2, "cells": [0], "echo": True}
GENERATE = {"prompt": "cat ", "max_characters": 70, "seed": 1, **DETAILS}
COMPLETION = {"model": "tiny-generate", "prompt": ["cat ", "owl "], "max_tokens": 40, "n": 2}
TRANSLATE = {"texts": ["one two 17 red", "see cat"], "alignment": True}
HTML = {"q": "<b>one</b> two", "source": "en", "target": "de", "format": "html"}
WRITING = {"inputs": "cat ", "parameters": {"max_new_tokens": 40, "details": True}}
REQUESTS = [
    ("/v1/classify", {"text": "a fine film"}),
    ("/v1/classify", {"texts": ["a fine film"] * 9, "explain": True}),
    ("/v1/classify", {"text": "Wo ist der Bahnhof?", "model": "language-id", "explain": True}),
    ("/v1/detect", {"text": "Wo ist der Bahnhof?", "languages": ["de", "en"], "spans": True}),
    ("/v1/tag", {"text": "Ada Lovelace met Bob in Rome .", "marginals": True}),
    ("/v1/translate", TRANSLATE),
    ("/v1/translate", {**TRANSLATE, "beam_size": 1}),
    ("/v1/translate", {**TRANSLATE, "beam_size": 4, "alternatives": 3}),
    ("/v1/translate/score", {"pairs": [{"source": "one two", "target": "two one"}]}),
    ("/v1/generate", {**GENERATE, "return_state": True}),
    ("/v1/generate", {**GENERATE, "stream": True}),
    ("/models/tiny", {"inputs": ["a fine film", "an awful plot"]}),
    ("/models/language-id", {"inputs": "Wo ist der Bahnhof?"}),
    ("/models/tiny-tag", {"inputs": "Ada Lovelace met Bob in Rome ."}),
    ("/models/tiny-translate", {"inputs": "one two"}),
    ("/models/tiny-generate", WRITING),
    ("/models/tiny-generate", {**WRITING, "stream": True}),
    ("/v1/completions", {**COMPLETION, "best_of": 3, "logprobs": 2, "echo": True}),
    ("/v1/completions", {**COMPLETION, "stream": True}),
    ("/detect", {"q": ["Wo ist der Bahnhof?", "Where is the station?"]}),
    ("/translate", {"q": ["one two red cat"], "source": "auto", "target": "de", "alternatives": 3}),
    ("/translate", HTML),
]
"""At least one request for each route that runs a model, and for each model."""
PAGES = [
    "/v1/models", "/v1/models/tiny", "/languages", "/frontend/settings", "/models/tiny-tag/info",
    "/healthz", "/metrics", "/", "/docs", "/openapi.json",
]  # fmt: skip
"""What is answered before the server is ready, too."""


@pytest.fixture(scope="module")
def bundles(tiny_bundle, tag_bundle, translate_bundle, generate_bundle, language_bundle):
    return [tiny_bundle, tag_bundle, translate_bundle, generate_bundle, language_bundle]


def serve(models: list[ServedModel]) -> Iterator[tuple[ServiceContext, Lifecycle]]:
    """A service of these models, which are not ready yet."""
    context = ServiceContext(Settings(), ServiceMetrics())
    for served in models:
        context.models.add(served)
    lifecycle = Lifecycle(context.models, context.readiness)
    yield context, lifecycle
    lifecycle.close()
    context.batcher.close()
    gc.unfreeze()


def warm_up(context: ServiceContext, lifecycle: Lifecycle) -> None:
    with expecting("ready (") as logged:
        lifecycle.warm_up(list(context.models.values()), time.monotonic(), pytest.fail)
        assert logged.wait(100)


@pytest.fixture
def starting(bundles):
    yield from serve([load_model(str(bundle)) for bundle in bundles])


@pytest.fixture(scope="module")
def ready(bundles):
    for context, lifecycle in serve([load_model(str(bundle)) for bundle in bundles]):
        warm_up(context, lifecycle)
        yield context


def answer(context, path, body):
    """The text of a complete response; fails if it is not one."""
    response = call(context, "POST", path, json=body)
    assert response.status_code == 200, response.text
    assert '"error"' not in response.text
    return response.text


def test_requests_wait_for_all_models_and_lists_for_none(starting, bundles, monkeypatch):
    """Fails if the server is ready before the last model is, if a request is answered by a model
    that is not ready, or if a list of models grows while they become ready."""
    context, lifecycle = starting
    go_on, real = threading.Event(), ServedModel.make_ready

    def make_ready(served, programs):
        real(served, programs)
        assert served.name != "language-id" or go_on.wait(100)

    monkeypatch.setattr(ServedModel, "make_ready", make_ready)
    with expecting("ready (") as logged:
        lifecycle.warm_up(list(context.models.values()), time.monotonic(), pytest.fail)
        before = {path: call(context, "GET", path) for path in PAGES}
        refused = [call(context, "POST", path, json=body) for path, body in REQUESTS]
        statuses = [
            call(context, "GET", path).status_code for path in ("/readyz", "/models/tiny/health")
        ]
        go_on.set()
        assert logged.wait(100)
    assert {response.status_code for response in before.values()} == {200}
    assert [model["id"] for model in before["/v1/models"].json()["data"]] == list(context.models)
    assert [language["code"] for language in before["/languages"].json()] == ["de", "en"]
    assert {response.status_code for response in refused} == {503}
    assert {response.headers["retry-after"] for response in refused} == {"1"}
    assert statuses == [503, 503]
    for path in ("/v1/models", "/languages", "/frontend/settings"):
        assert call(context, "GET", path).text == before[path].text
    for path in ("/readyz", "/models/tiny/health"):
        assert call(context, "GET", path).status_code == 200
    assert gc.get_freeze_count() > 100_000, "the objects of JAX are not collected again and again"


def test_a_model_that_fails_stops_the_server(starting):
    """Fails if the server becomes ready without one of its models."""
    context, lifecycle = starting
    failures, broken = [], context.models["tiny-tag"]
    weights = broken.predictor.params
    broken.predictor.params = {name: array + 1 for name, array in weights.items()}
    lifecycle.warm_up([broken], time.monotonic(), failures.append)
    lifecycle.close()
    assert "differs from the one recorded" in str(failures[0])
    assert not context.readiness.warm


def test_every_route_that_runs_a_model_is_tested_here():
    """Fails if a route is added to a dialect, but not to REQUESTS."""
    routes = [
        route for dialect in DIALECTS for router in dialect.routers for route in router.routes
    ]
    for route in routes:
        if isinstance(route, APIRoute) and route.methods == {"POST"}:
            if route.path == "/translate_file":
                continue  # takes a form, and does with its text what /translate does
            assert any(route.path_regex.match(path) for path, _ in REQUESTS), route.path


@pytest.mark.parametrize(("path", "body"), REQUESTS, ids=str)
def test_every_route_answers_without_compiling(ready, path, body):
    """Fails if an option needs a program that is compiled at its first use."""
    with compilations() as compiled:
        assert answer(ready, path, body)
    assert not compiled


def test_texts_of_any_lengths_run_in_the_same_programs(ready):
    """Hundreds of different lengths and numbers of texts. Fails if they add programs."""
    draw, words = random.Random(0), GOOD + BAD + NEUTRAL
    programs = {name: dict(served.predictor._programs) for name, served in ready.models.items()}
    for name, served in ready.models.items():
        assert set(programs[name]) == set(served.predictor.task.shapes())
    with compilations() as compiled:
        for length in range(1, 63):
            texts = [" ".join(draw.choices(words, k=length)) for _ in range(draw.randint(1, 20))]
            answer(ready, "/v1/classify", {"texts": texts, "explain": length % 5 == 0})
            answer(ready, "/v1/tag", {"texts": ["Bob lives in Rome . " * length]})
            answer(ready, "/v1/translate", {"texts": ["two.\n" * draw.randint(1, 60)] * 3})
            answer(ready, "/v1/generate", {"prompt": "cat " * length, "max_characters": length})
    assert not compiled
    for name, served in ready.models.items():
        assert served.predictor._programs == programs[name]


@pytest.fixture
def copies(tiny_bundle, translate_bundle, tmp_path):
    return [shutil.copytree(path, tmp_path / path.name) for path in (tiny_bundle, translate_bundle)]


def test_a_reloaded_model_answers_everything_at_once(copies):
    """Fails if a fresh model replaces the old one before all its programs are compiled."""
    requests = [
        ("/v1/classify", {"text": "a fine film", "explain": True}),
        ("/v1/classify", {"texts": ["a fine film", "fine " * 60] * 20}),
        ("/v1/translate", {**TRANSLATE, "beam_size": 4, "alternatives": 3}),
    ]
    for context, lifecycle in serve([load_model(str(copy)) for copy in copies]):
        warm_up(context, lifecycle)
        path, body = requests[0]
        before = json.loads(answer(context, path, body))
        change_temperature(copies[0], 30.0)
        old = dict(context.models)
        with compilations() as compiled, expecting("tiny: replaced") as logged:
            lifecycle.reload()
            assert logged.wait(100)
        assert len(compiled) >= len(old["tiny"].predictor.task.shapes())
        with compilations() as compiled:
            after = [answer(context, path, body) for path, body in requests]
        assert not compiled
        (was,), (now,) = before["results"], json.loads(after[0])["results"]
        assert 0.5 < now["score"] < 0.6 < was["score"]
        assert now["explanation"] != was["explanation"]
        assert context.models["tiny"] is not old["tiny"]
        assert context.models["tiny-translate"] is old["tiny-translate"], "it has not changed"
