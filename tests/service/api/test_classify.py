"""POST /v1/classify and the OpenAPI document, through the application."""

import json

import pytest

from support.http_calls import JSON, ROUTE, SECRET, call, classify


def test_one_text(context):
    response = classify(context, text="a lovely film")
    assert response.status_code == 200
    body = response.json()
    assert body["model"] == "tiny"
    (result,) = body["results"]
    assert result["label"] == "friendly"
    assert result["score"] == result["scores"][0]["score"] > 0.5
    assert float(response.headers["x-queue-time"]) >= 0
    assert float(response.headers["x-inference-time"]) > 0


def test_several_texts_in_their_order(context):
    texts = ["a fine film", "an awful " + "plot " * 20, "great", "poor and boring"] * 5
    results = classify(context, texts=texts, model="tiny").json()["results"]
    assert [r["label"] for r in results] == ["friendly", "hostile"] * 10


def test_one_text_and_a_list_of_one_are_the_same(context):
    assert classify(context, text="fine").json() == classify(context, texts=["fine"]).json()


def test_top_k(context):
    (result,) = classify(context, text="fine", top_k=1).json()["results"]
    assert len(result["scores"]) == 1


LONG = {"text": SECRET + " word" * 63}


INVALID = [
    ({}, "invalid_request", ""),
    ({"text": "a", "texts": ["a"]}, "invalid_request", ""),
    ({"text": 3}, "invalid_request", "/text"),
    ({"text": None}, "invalid_request", ""),
    ({"texts": []}, "invalid_request", "/texts"),
    ({"texts": "abc"}, "invalid_request", "/texts"),
    ({"texts": ["a", 1]}, "invalid_request", "/texts/1"),
    ({"text": "a", "top_k": 0}, "invalid_request", "/top_k"),
    ({"text": "a", "top_k": 10**9}, "invalid_request", "/top_k"),
    ({"text": "a", "top_k": True}, "invalid_request", "/top_k"),
    ({"text": "a", SECRET: 1}, "invalid_request", "/" + SECRET),
    ({"text": "a", "model": "x" * 65}, "invalid_request", "/model"),
    ({"text": ""}, "invalid_request", "/text"),
    ({"texts": ["a", " \t\n"]}, "empty", "/texts/1"),
    ({"texts": ["a", *LONG.values()]}, "too_long", "/texts/1"),
    ({"texts": ["a"] * 257}, "too_many_texts", "/texts"),
]


@pytest.mark.parametrize(("body", "code", "pointer"), INVALID, ids=str)
def test_invalid_requests_are_a_422_with_a_pointer(context, body, code, pointer):
    """Fails if a check is missing, or the pointer names another field."""
    response = call(context, "POST", ROUTE, json=body)
    assert response.status_code == 422
    problem = response.json()
    assert problem["code"] == code
    assert problem["errors"][0]["pointer"] == pointer
    if code == "too_long":
        assert problem["errors"][0]["limit"] == 62
        assert "62" in problem["detail"]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"text": "\\ud800"}', b'{"text": NaN}',
        b'{"text": "a"} x', b"[" * 10_000, b'{"text": "' + b"\x00" + b'"}', b'{"te\\ud800xt": 1}',
    ],
)  # fmt: skip
def test_a_body_that_is_not_valid_json_is_a_422(context, content):
    """Fails if a lone surrogate or deep nesting gets through, or breaks the error's own JSON."""
    headers = {"content-type": "application/json"}
    response = call(context, "POST", ROUTE, content=content, headers=headers)
    assert response.status_code == 422
    assert json.loads(response.content)["status"] == 422


def test_a_problem_document_has_all_fields(context):
    response = classify(context, text="a", model="nope")
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem == {
        "type": "urn:textrnn:error:wrong_model",
        "title": "Bad Request",
        "status": 400,
        "detail": "that is not a model for classify; there are classify: tiny",
        "instance": ROUTE,
        "error": problem["detail"],
        "code": "wrong_model",
        "request_id": response.headers["x-request-id"],
    }


@pytest.mark.parametrize(
    "request_",
    [
        {"json": LONG},
        {"json": {"text": SECRET, "top_k": 0}},
        {"json": {"texts": [SECRET, ""]}},
        {"json": {"text": [SECRET]}},
        {"json": {"text": SECRET, "model": "nope"}},
        {"content": f'{{"text": "{SECRET}'.encode(), "headers": JSON},
        {"content": f'{{"text": "{SECRET}\\ud800"}}'.encode(), "headers": JSON},
        {"content": SECRET.encode(), "headers": {"content-type": "text/plain"}},
    ],
)
def test_no_error_repeats_the_text(context, request_):
    response = call(context, "POST", ROUTE, **request_)
    assert response.status_code >= 400
    assert SECRET not in response.text


def test_a_defect_is_a_500_without_internals(context, served, monkeypatch, caplog):
    """Fails if an exception's text, a path or a stack reaches the client."""

    def broken(*_):
        raise RuntimeError(f"/secret/path {SECRET}")

    monkeypatch.setattr(served.predictor, "run", broken)
    response = classify(context, text="fine")
    assert response.status_code == 500
    assert response.json()["code"] == "internal"
    assert "secret" not in response.text
    assert SECRET in caplog.text, "the traceback is in the log"


def test_openapi_names_every_route_and_status(context):
    document = call(context, "GET", "/openapi.json").json()
    assert {
        ROUTE,
        "/v1/detect",
        "/v1/tag",
        "/v1/translate",
        "/v1/translate/score",
        "/v1/generate",
        "/v1/models",
        "/v1/models/{name}",
        "/healthz",
        "/readyz",
        "/metrics",
        "/models/{name}",
        "/models/{name}/info",
        "/models/{name}/health",
        "/v1/completions",
        "/translate",
        "/detect",
        "/languages",
        "/frontend/settings",
        "/translate_file",
        "/download_file/{name}",
    } == set(document["paths"])
    statuses = set(document["paths"][ROUTE]["post"]["responses"])
    assert {"200", "400", "401", "413", "415", "422", "429", "503", "504"} <= statuses
    assert call(context, "GET", "/docs").status_code == 200
