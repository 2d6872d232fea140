"""Errors in the form that the clients of each dialect understand."""

import json

import httpx
import openai
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from libretranslatepy import LibreTranslateAPI

from service.app import DIALECTS
from service.dialect import dialect_of
from service.errors import Problem
from support.http_calls import SECRET, call
from support.server import Server

COMPLETION = {"model": "tiny-generate", "prompt": "cat ", "max_tokens": 80, "seed": 1}
WRITING = {"inputs": "cat ", "parameters": {"max_new_tokens": 80, "seed": 1}}
KEY = "a-key-of-mine"


@pytest.mark.parametrize(
    ("path", "problem", "status", "body"),
    [
        ("/models/x", Problem(422, "c", "d"), 422, {"error": "d", "error_type": "validation"}),
        ("/models/x", Problem(429, "c", "d"), 429, {"error": "d", "error_type": "overloaded"}),
        ("/models/x", Problem(504, "c", "d"), 504, {"error": "d", "error_type": "generation"}),
        ("/translate", Problem(422, "c", "d"), 400, {"error": "d"}),
        ("/languages", Problem(401, "c", "d"), 403, {"error": "d"}),
        (
            "/v1/completions",
            Problem(422, "c", "d", errors=[{"pointer": "/stop/1", "message": "m", "code": "c"}]),
            400,
            {"error": {
                "message": "d", "type": "invalid_request_error", "param": "stop", "code": "c",
            }},
        ),
        (
            "/v1/completions",
            Problem(429, "queue_full", "d"),
            429,
            {"error": {
                "message": "d", "type": "rate_limit_error", "param": None, "code": "queue_full",
            }},
        ),
    ],
)  # fmt: skip
def test_error_responses(path, problem, status, body):
    response = dialect_of(path, DIALECTS).error_response(problem, path, "id")
    assert (response.status_code, json.loads(response.body)) == (status, body)


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/completions", COMPLETION), ("/models/tiny-generate", WRITING)]
)
def test_a_defect_is_reported_without_internals(
    generate_context, generator, monkeypatch, path, body
):
    """Fails if an error before, within or without a stream reveals internals, or if a stream that
    fails ends as if it were complete."""
    real, calls = generator.predictor.run, []

    def broken(*arguments):
        calls.append(1)
        if len(calls) > good:
            raise RuntimeError(f"/secret/path {SECRET}")
        return real(*arguments)

    monkeypatch.setattr(generator.predictor, "run", broken)
    good = 0
    for stream in (False, True):
        response = call(generate_context, "POST", path, json={**body, "stream": stream})
        assert response.status_code == 500
        assert "secret" not in response.text
        if path == "/v1/completions":
            assert response.headers["x-should-retry"] == "false"
    calls.clear()
    good = 2
    response = call(generate_context, "POST", path, json={**body, "stream": True})
    assert response.status_code == 200
    *stream_chunks, last = response.text.strip().split("\n\n")
    assert stream_chunks
    assert "secret" not in response.text
    error = json.loads(last.removeprefix("data:"))["error"]
    assert "the server failed" in (error["message"] if isinstance(error, dict) else error)


@pytest.fixture(scope="module")
def starting(tiny_bundle, generate_bundle, few_shapes):
    """A server that is still warming up and requires an API key."""
    bundles = [few_shapes(bundle) for bundle in (generate_bundle, tiny_bundle)]
    models = [part for bundle in bundles for part in ("--models", str(bundle))]
    server = Server(*models, TEXTRNN_API_KEYS=KEY)
    try:
        yield server
    finally:
        server.end()


def test_clients_retry_while_the_server_warms_up(starting):
    """Fails if a 503 has no Retry-After, or if clients treat it as a permanent error."""
    url = starting.url
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=100) as client:
        result = client.completions.create(**COMPLETION)
    assert len(result.choices[0].text) == 80


def test_keys_and_their_errors(starting, monkeypatch):
    starting.wait_for("ready (")
    url = starting.url
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="wrong") as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.completions.create(**COMPLETION)
    assert caught.value.code == "invalid_api_key"
    monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: False)
    model = f"{url}/models/tiny"
    assert InferenceClient(model=model, token=KEY).text_classification("a lovely film")
    with pytest.raises(HfHubHTTPError, match="requires an API key"):
        InferenceClient(model=model, token="wrong").text_classification("a lovely film")
    assert LibreTranslateAPI(url, api_key=KEY).languages() == []
    response = httpx.post(f"{url}/detect", data={"q": "a", "api_key": "wrong"}, timeout=60)
    assert (response.status_code, list(response.json())) == (403, ["error"])


def test_a_server_that_drains_is_overloaded_to_its_clients(make_context):
    context = make_context()
    context.readiness.draining = True
    response = call(context, "POST", "/models/tiny", json={"inputs": "a"})
    assert (response.status_code, response.json()["error_type"]) == (503, "overloaded")
    assert response.headers["retry-after"] == "1"
