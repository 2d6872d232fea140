"""API keys in all forms that clients use, on every route of every dialect."""

import base64

import pytest

from support.http_calls import call

KEY = "a-key-of-mine"
BASIC = "Basic " + base64.b64encode(f"anybody:{KEY}".encode()).decode()
HEADERS = [{"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}, {"authorization": BASIC}]
WRONG = [
    {}, {"authorization": "Bearer other"}, {"x-api-key": ""}, {"authorization": "Basic !!"},
    {"authorization": "Basic " + base64.b64encode(KEY.encode()).decode()},
]  # fmt: skip


@pytest.fixture
def keyed(make_context):
    return make_context(api_keys=("other-key", KEY))


@pytest.mark.parametrize("headers", HEADERS, ids=str)
def test_a_valid_key_is_accepted(keyed, headers):
    response = call(keyed, "POST", "/v1/classify", json={"text": "fine"}, headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize("headers", WRONG, ids=str)
@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/classify", {"text": "fine"}, 401),
        ("POST", "/models/tiny", {"inputs": "fine"}, 401),
        ("GET", "/models/tiny/info", None, 401),
        ("POST", "/v1/completions", {"model": "x", "prompt": "fine"}, 401),
        ("POST", "/translate", {"q": "fine", "source": "en", "target": "de"}, 403),
        ("POST", "/detect", {"q": "fine"}, 403),
        ("GET", "/languages", None, 403),
        ("GET", "/frontend/settings", None, 403),
        ("GET", "/v1/models", None, 401),
        ("GET", "/openapi.json", None, 401),
        ("GET", "/docs", None, 401),
        ("GET", "/", None, 401),
        ("GET", "/nothing", None, 401),
        ("GET", "/languages%0A", None, 401),
    ],
)
def test_a_missing_or_wrong_key_is_rejected(keyed, headers, method, path, body, status):
    """Fails if a dialect does not check the key, or reveals whether a path exists."""
    response = call(keyed, method, path, json=body, headers=headers)
    assert response.status_code == status
    assert KEY not in response.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_and_metrics_are_open(keyed, path):
    assert call(keyed, "GET", path).status_code == 200


def test_libretranslate_accepts_the_key_in_the_body(keyed):
    for sent in ({"json": {"q": "a", "api_key": KEY}}, {"data": {"q": "a", "api_key": KEY}}):
        response = call(keyed, "POST", "/detect", **sent)
        assert response.status_code == 400
        assert "language-id" in response.json()["error"], (
            "the key is accepted, but there is no detector"
        )
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = call(keyed, "GET", "/languages", content=f"api_key={KEY}", headers=headers)
    assert response.status_code == 200


def test_browsers_prompt_for_the_key(keyed):
    challenge = call(keyed, "GET", "/").headers["www-authenticate"]
    assert challenge.startswith("Basic ")
    assert call(keyed, "GET", "/v1/models").headers["www-authenticate"] == "Bearer"
    assert call(keyed, "GET", "/", headers={"authorization": BASIC}).status_code == 200


def test_the_openapi_document_has_the_security_schemes(keyed, context):
    document = call(keyed, "GET", "/openapi.json", headers=HEADERS[0]).json()
    assert document["components"]["securitySchemes"].keys() == {"bearer", "header"}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            required = [{"bearer": []}, {"header": []}]
            open_to_all = path in ("/healthz", "/readyz", "/metrics")
            assert operation.get("security") == (None if open_to_all else required)
    assert "security" not in str(call(context, "GET", "/openapi.json").json())
