"""Hostile requests to every route of every dialect: made by schemathesis from the OpenAPI document,
and a corpus of hostile Unicode."""

import asyncio
import json

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from service.app import make_app
from support.http_calls import call
from support.models import ready
from textrnn.bundle import find_bundle

load_all_checks()
CHOSEN = [
    CHECKS.get_one(name)
    for name in CHECKS.get_all_names()
    # What fits the schema may still be refused: it knows nothing of tokens and languages.
    if name != "positive_data_acceptance"
]
NAMES = ["tiny", "tiny-tag", "tiny-translate", "tiny-generate", "language-id"]
SECRET = "zq7privatewords"
HOSTILE = {
    "lone surrogate": "\ud800 a",
    "NUL": "a\0b",
    "right to left": "\u202eabc\u202c \u05e9\u05dc\u05d5\u05dd",
    "combining marks": "z" + "\u0301" * 500,
    "emoji of several": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
    "line separators": "a\u2028b\u2029c\u0085d\x0be",
    "byte order mark": "\ufeffa\ufffe",
    "not characters": "\uffff\U0010ffff\U000e0041",
    "widths of nothing": "\u200b\u200c\u200d\u2060",
    "white space only": " \t\u3000\u00a0\u2003",
    "markup": "<script>alert(1)</script> & <b",
    "a long word": "a" * 5000,
    "many lines": "a\r\n\n" * 500,
    "format strings": "%s%n {0} ${HOME} $(id) ../../etc/passwd",
    "digits of the world": "\u0663\u0664 \u0e53 \u2167 \u00bd",
    "letters that grow": "\u0149 \ufb03 \u1e9e \u0130 \u0390",
    "nothing": "",
}


@pytest.fixture(scope="module")
def app(tiny_bundle, tag_bundle, translate_bundle, generate_bundle):
    from service.inference.context import ServiceContext
    from service.observe.metrics import ServiceMetrics
    from service.settings import Settings

    context = ServiceContext(Settings(), ServiceMetrics())
    shipped = find_bundle("language-id")
    bundles = (tiny_bundle, tag_bundle, translate_bundle, generate_bundle, shipped)
    for bundle in bundles:
        context.models.add(ready(bundle))
    context.readiness.warm = True
    yield make_app(context)
    context.batcher.close()


def test_no_operation_breaks_what_the_document_says(app):
    """Fails if a request is answered with a 5xx, with a status or a form that the document does not
    have, or if what its schema forbids is taken."""
    tried = 0
    for found in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations():
        operation = found.ok()
        modes = [GenerationMode.POSITIVE]
        if operation.body:
            modes.append(GenerationMode.NEGATIVE)
        for mode in modes:

            @settings(
                max_examples=25, deadline=None, database=None, derandomize=True,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(operation.as_strategy(generation_mode=mode), st.sampled_from(NAMES))
            def holds(case, name):
                if case.path_parameters and isinstance(case.body, dict):
                    case.path_parameters["name"] = name
                case.call_and_validate(checks=CHOSEN)

            holds()
            tried += 1
    assert tried >= 20


REQUESTS = [
    ("/v1/classify", lambda text: {"text": text, "explain": False}),
    ("/v1/classify", lambda text: {"texts": ["a plot", text]}),
    ("/v1/classify", lambda text: {"text": "a plot", "model": text}),
    ("/v1/tag", lambda text: {"text": text, "marginals": True}),
    ("/v1/translate", lambda text: {"text": text, "alignment": True}),
    ("/v1/translate", lambda text: {"text": "one", "target_language": text}),
    ("/v1/generate", lambda text: {"prompt": text, "max_characters": 3}),
    ("/v1/generate", lambda text: {"prompt": text, "max_characters": 3, "stream": True}),
    ("/v1/generate", lambda text: {"prompt": "a", "stop": [text], "max_characters": 3}),
    ("/v1/generate", lambda text: {"prompt": "a", "state": text, "max_characters": 3}),
    *((f"/models/{name}", lambda text: {"inputs": text, "parameters": {}}) for name in NAMES),
    ("/models/tiny-tag", lambda text: {"inputs": text, "parameters": {"stride": text}}),
    ("/models/tiny-generate", lambda text: {"inputs": text, "stream": True}),
    ("/v1/completions", lambda text: {"model": "tiny-generate", "prompt": text, "logprobs": 1}),
    ("/v1/completions", lambda text: {"model": "tiny-generate", "prompt": [text], "stream": True}),
    ("/v1/completions", lambda text: {"model": text, "prompt": text, text: text}),
    ("/translate", lambda text: {"q": text, "source": "auto", "target": "de"}),
    ("/translate", lambda text: {"q": [text], "source": "en", "target": "de", "format": "html"}),
    ("/translate", lambda text: {"q": "a", "source": text, "target": text}),
    ("/detect", lambda text: {"q": text, "api_key": text}),
]
INTERNALS = ("Traceback", "site-packages", ".py", "jax", "numpy", "/home", "/usr")


def test_hostile_unicode(app):
    """Fails if a text ends in a 5xx, breaks a stream, comes back in an error, or if an error tells
    of paths and internals."""

    async def go():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for kind, text in HOSTILE.items():
                for path, body in REQUESTS:
                    sent = json.dumps(body(text + SECRET if text else text)).encode()
                    headers = {"content-type": "application/json"}
                    response = await client.post(path, content=sent, headers=headers)
                    check(kind, path, response)

    def check(kind, path, response):
        said = f"{path} with {kind}: {response.status_code} {response.text[:300]}"
        assert response.status_code < 500, said
        if response.status_code >= 400:
            assert SECRET not in response.text, said
            assert response.json()["error"], said
        assert '"error"' not in response.text or response.status_code >= 400, said
        assert not any(word in response.text for word in INTERNALS), said

    asyncio.run(go())


def test_hostile_paths(app):
    """Fails if a name is joined to a path."""

    async def go():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for name in ("..%2f..%2fetc%2fpasswd", "%00", "%F0%9F%91%8D", "a" * 3000):
                for path in ("/v1/models/", "/models/", "/playground/", "/"):
                    response = await client.get(path + name)
                    assert response.status_code in (404, 405), (path, name)
                    assert not any(word in response.text for word in INTERNALS)

    asyncio.run(go())


def test_no_operation_answers_without_the_key_that_its_document_asks_for(make_context):
    """schemathesis asks again without the key and with another one, wherever it got an answer."""
    headers = {"Authorization": "Bearer a-key-of-mine"}
    context = make_context(api_keys=("a-key-of-mine",))
    document = call(context, "GET", "/openapi.json", headers=headers).json()
    schema = schemathesis.openapi.from_dict(document)
    schema.app = make_app(context)
    answered = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=8, deadline=None, database=None, derandomize=True,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(operation.as_strategy())
        def holds(case):
            check = CHECKS.get_one("ignored_auth")
            response = case.call_and_validate(checks=[check], headers=headers)
            if response.status_code == 200:
                answered.add(case.operation.label)

        holds()
    assert {"GET /v1/models", "POST /v1/classify", "GET /languages"} <= answered
