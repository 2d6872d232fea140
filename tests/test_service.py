"""The HTTP API, in this process: every status that is documented is reached."""

import asyncio
import json

import httpx
import pytest

from service import models
from service.app import make_app
from service.batcher import Batcher
from service.hub import Hub
from service.settings import Settings, read_settings
from service.telemetry import Telemetry
from textrnn.errors import UserError

SECRET = "zq7-private-words"
ROUTE = "/v1/classify"


@pytest.fixture(scope="session")
def served(tiny_bundle):
    served = models.load_one(str(tiny_bundle))
    served.make_ready()
    return served


@pytest.fixture
def make_hub(served):
    hubs = []

    def make(**settings):
        chosen = Settings(**settings)
        telemetry = Telemetry()
        batcher = Batcher(chosen.queue_rows, chosen.queue_tokens, telemetry)
        hub = Hub(chosen, telemetry, batcher)
        hub.add(served)
        hub.ready = True
        hubs.append(hub)
        return hub

    yield make
    for hub in hubs:
        hub.batcher.close()


@pytest.fixture
def hub(make_hub):
    return make_hub()


def call(hub, method, path, **request):
    """One request through the whole application."""

    async def go():
        transport = httpx.ASGITransport(make_app(hub), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **request)

    return asyncio.run(go())


def classify(hub, **body):
    return call(hub, "POST", ROUTE, json=body)


def test_one_text(hub):
    response = classify(hub, text="a lovely film")
    assert response.status_code == 200
    body = response.json()
    assert body["model"] == "tiny"
    (result,) = body["results"]
    assert result["label"] == "friendly"
    assert result["score"] == result["scores"][0]["score"] > 0.5
    assert float(response.headers["x-queue-time"]) >= 0
    assert float(response.headers["x-inference-time"]) > 0


def test_several_texts_in_their_order(hub):
    texts = ["a fine film", "an awful " + "plot " * 20, "great", "poor and boring"] * 5
    results = classify(hub, texts=texts, model="tiny").json()["results"]
    assert [r["label"] for r in results] == ["friendly", "hostile"] * 10


def test_one_text_and_a_list_of_one_are_the_same(hub):
    assert classify(hub, text="fine").json() == classify(hub, texts=["fine"]).json()


def test_top_k(hub):
    (result,) = classify(hub, text="fine", top_k=1).json()["results"]
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
def test_what_is_invalid_is_a_422_that_points_to_it(hub, body, code, pointer):
    """Fails if a check is missing, or the pointer leads elsewhere."""
    response = call(hub, "POST", ROUTE, json=body)
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
def test_what_is_no_json_of_ours_is_a_422(hub, content):
    """Fails if a lone surrogate or deep nesting gets through, or breaks the error's own JSON."""
    headers = {"content-type": "application/json"}
    response = call(hub, "POST", ROUTE, content=content, headers=headers)
    assert response.status_code == 422
    assert json.loads(response.content)["status"] == 422


def test_problems_have_the_whole_form(hub):
    response = classify(hub, text="a", model="nope")
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


JSON = {"content-type": "application/json"}


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
def test_no_error_repeats_the_text(hub, request_):
    response = call(hub, "POST", ROUTE, **request_)
    assert response.status_code >= 400
    assert SECRET not in response.text


def test_wrong_paths_methods_and_types(hub):
    assert call(hub, "GET", "/nope").status_code == 404
    assert call(hub, "GET", ROUTE).status_code == 405
    assert call(hub, "PUT", ROUTE).status_code == 405
    typed = call(hub, "POST", ROUTE, content=b'{"text": "a"}', headers={"content-type": "x/y"})
    assert typed.status_code == 415
    for response in (call(hub, "GET", "/nope"), call(hub, "DELETE", ROUTE), typed):
        assert response.json()["request_id"] == response.headers["x-request-id"]


def test_a_body_is_counted_before_it_is_parsed(make_hub):
    """By its declared length, and while it arrives. Fails if chunks get round the limit."""
    hub = make_hub(body_bytes=1000)
    headers = {"content-type": "application/json"}

    async def chunks():
        for _ in range(20):
            yield b"x" * 100

    for content in (b"x" * 1001, chunks()):
        response = call(hub, "POST", ROUTE, content=content, headers=headers)
        assert response.status_code == 413
        assert response.json()["code"] == "body_too_large"
        assert "1000" in response.json()["detail"]
    headers["content-length"] = "abc"
    assert call(hub, "POST", ROUTE, content=b"{}", headers=headers).status_code == 413


def test_a_body_that_does_not_arrive_is_a_408(make_hub):
    hub = make_hub(body_timeout=0.05)

    async def never():
        yield b"{"
        await asyncio.Event().wait()

    headers = {"content-type": "application/json"}
    assert call(hub, "POST", ROUTE, content=never(), headers=headers).status_code == 408


def test_keys(make_hub):
    """Fails if a path is open that should not be, or the other way round."""
    hub = make_hub(api_keys="alpha, beta")
    assert classify(hub, text="fine").status_code == 401
    assert classify(hub, text="fine").headers["www-authenticate"] == "Bearer"
    for headers, status in [
        ({"authorization": "Bearer alpha"}, 200),
        ({"x-api-key": "beta"}, 200),
        ({"x-api-key": "gamma"}, 401),
        ({"authorization": "Bearer alph"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"x-api-key": b"\xff"}, 401),
    ]:
        body = {"text": "fine"}
        assert call(hub, "POST", ROUTE, json=body, headers=headers).status_code == status
    for path in ("/v1/models", "/openapi.json", "/docs", "/nope"):
        assert call(hub, "GET", path).status_code == 401
    for path in ("/healthz", "/readyz", "/metrics"):
        assert call(hub, "GET", path).status_code == 200


def test_not_ready_and_draining(make_hub):
    hub = make_hub()
    for change, part in ((("ready", False), "warming up"), (("draining", True), "shutting down")):
        hub.ready, hub.draining = True, False
        setattr(hub, *change)
        for response in (classify(hub, text="fine"), call(hub, "GET", "/readyz")):
            assert response.status_code == 503
            assert int(response.headers["retry-after"]) <= 120
            assert part in response.json()["detail"]
        assert call(hub, "GET", "/healthz").status_code == 200


def test_a_full_queue_is_a_429(make_hub, served, monkeypatch):
    """Fails if requests pile up without bound, or the client is not told when to come back."""
    hub = make_hub(queue_rows=2, texts=2)
    hold = hold_device(monkeypatch, served)

    async def go():
        transport = httpx.ASGITransport(make_app(hub))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

            async def one():
                return await client.post(ROUTE, json={"text": "fine"})

            running = asyncio.create_task(one())
            await asyncio.to_thread(hold.entered.wait)
            waiting = [asyncio.create_task(one()) for _ in range(2)]
            while hub.batcher.waiting_rows < 2:
                await asyncio.sleep(0)
            refused = await one()
            hold.released.set()
            return refused, [response.status_code for response in
                             await asyncio.gather(running, *waiting)]  # fmt: skip

    refused, others = asyncio.run(go())
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 120
    assert others == [200, 200, 200]


class Hold:
    """Lets a test hold the device in the middle of a batch."""

    def __init__(self):
        import threading

        self.entered, self.released = threading.Event(), threading.Event()
        self.ran: list[int] = []


def hold_device(monkeypatch, served):
    hold, real = Hold(), served.predictor.answer

    def answer(examples, groups=None):
        hold.ran.append(len(examples))
        hold.entered.set()
        assert hold.released.wait(30)
        return real(examples, groups)

    monkeypatch.setattr(served.predictor, "answer", answer)
    return hold


def test_a_deadline_is_a_504(make_hub, served, monkeypatch):
    hub = make_hub(deadline=0.05)
    hold = hold_device(monkeypatch, served)
    try:
        response = classify(hub, text="fine")
    finally:
        hold.released.set()
    assert response.status_code == 504
    assert "0.05 s" in response.json()["detail"]


def test_more_than_the_queue_can_ever_hold_is_a_422_and_not_a_429(make_hub):
    hub = make_hub(queue_tokens=64)
    response = classify(hub, texts=["word " * 40] * 3)
    assert response.status_code == 422
    assert response.json()["code"] == "too_many_tokens"


def test_a_defect_is_a_500_that_tells_nothing(hub, served, monkeypatch, caplog):
    """Fails if an exception's text, a path or a stack reaches the client."""

    def broken(*_):
        raise RuntimeError(f"/secret/path {SECRET}")

    monkeypatch.setattr(served.predictor, "answer", broken)
    response = classify(hub, text="fine")
    assert response.status_code == 500
    assert response.json()["code"] == "internal"
    assert "secret" not in response.text
    assert SECRET in caplog.text, "the log has it"


def test_request_ids(hub):
    given = call(hub, "GET", "/healthz", headers={"x-request-id": "abc-1.2_3"})
    assert given.headers["x-request-id"] == "abc-1.2_3"
    for hostile in ("a b", "x" * 129, "a\tb", '"><script>'):
        made = call(hub, "GET", "/healthz", headers={"x-request-id": hostile})
        assert made.headers["x-request-id"] != hostile
        assert len(made.headers["x-request-id"]) == 32


def test_models(hub):
    body = call(hub, "GET", "/v1/models").json()
    assert body["object"] == "list"
    (card,) = body["data"]
    assert card["id"] == "tiny"
    assert card["object"] == "model"
    assert card["labels"] == ["friendly", "hostile"]
    assert card["limits"] == {"tokens": 62, "texts": 256}
    assert card["default"] is True
    assert card["metrics"]["heldout"]["accuracy"] == 1
    for name in ("tiny", "%74iny"):
        assert call(hub, "GET", f"/v1/models/{name}").json() == card
    for name in ("nope", "..%2f..%2fetc%2fpasswd", "tiny%00"):
        assert call(hub, "GET", f"/v1/models/{name}").status_code == 404


def test_metrics_have_fixed_labels(hub):
    """Fails if a path, a header or a text as sent becomes a label."""
    classify(hub, text=SECRET)
    call(hub, "GET", f"/{SECRET}", headers={"x-forwarded-for": SECRET, "x-request-id": SECRET})
    text = call(hub, "GET", "/metrics").text
    assert SECRET not in text
    for line in (
        f'textrnn_requests_total{{model="tiny",route="{ROUTE}",status="200",task="classify"}} 1.0',
        'textrnn_requests_total{model="",route="unmatched",status="404",task=""} 1.0',
        'textrnn_batch_tokens_real_total{model="tiny"} 7.0',
        'textrnn_batch_tokens_padded_total{model="tiny"} ',
        'textrnn_compilations_total{model="tiny"} ',
        'textrnn_model_info{model="tiny",task="classify",version="',
        "textrnn_queue_depth 0.0",
        "textrnn_request_duration_seconds_count",
        "textrnn_queue_duration_seconds_count",
        "textrnn_inference_duration_seconds_count",
        "textrnn_batch_rows_count",
    ):
        assert line in text


def test_a_warm_server_compiles_for_no_request(hub, served):
    before = served.predictor.compilations
    for texts in (["fine"], ["fine"] * 7, ["word " * 60], ["poor film"] * 40 + ["word " * 30]):
        assert classify(hub, texts=texts).status_code == 200
    assert served.predictor.compilations == before


def test_openapi_names_every_route_and_status(hub):
    document = call(hub, "GET", "/openapi.json").json()
    assert {ROUTE, "/v1/models", "/v1/models/{name}", "/healthz", "/readyz", "/metrics"} == set(
        document["paths"]
    )
    statuses = set(document["paths"][ROUTE]["post"]["responses"])
    assert {"200", "400", "401", "413", "415", "422", "429", "503", "504"} <= statuses
    assert call(hub, "GET", "/docs").status_code == 200


def test_cors_is_off_unless_configured(make_hub):
    headers = {"origin": "https://a.example", "access-control-request-method": "POST"}
    closed = call(make_hub(), "OPTIONS", ROUTE, headers=headers)
    assert "access-control-allow-origin" not in closed.headers
    opened = make_hub(cors_origins="https://a.example", api_keys="k")
    allowed = call(opened, "OPTIONS", ROUTE, headers=headers)
    assert allowed.headers["access-control-allow-origin"] == "https://a.example"
    refused = call(opened, "OPTIONS", ROUTE, headers={**headers, "origin": "https://b.example"})
    assert "access-control-allow-origin" not in refused.headers


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("TEXTRNN_QUEUE_ROWS", "2048")
    monkeypatch.setenv("TEXTRNN_MODELS", "a, b")
    monkeypatch.setenv("TEXTRNN_API_KEYS", "k1,k2")
    settings = read_settings({"port": 9})
    assert (settings.queue_rows, settings.models, settings.port) == (2048, ("a", "b"), 9)
    assert [key.get_secret_value() for key in settings.api_keys] == ["k1", "k2"]
    assert "k1" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"port": 70000}, "port"),
        ({"texts": 100, "queue_rows": 50}, "a request may hold 100 texts, but the queue only 50"),
        ({"prot": 1}, "unknown key 'prot'; did you mean 'port'"),
        ({"deadline": 0}, "deadline"),
    ],
)
def test_settings_that_cannot_be_are_one_clear_error(given, reason):
    with pytest.raises(UserError, match=reason):
        read_settings(given)
