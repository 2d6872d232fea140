"""The middleware and the admission of requests, in this process."""

import asyncio

from support.http_calls import ROUTE, call, classify


def test_wrong_paths_methods_and_types(context):
    assert call(context, "GET", "/nope").status_code == 404
    assert call(context, "GET", ROUTE).status_code == 405
    assert call(context, "PUT", ROUTE).status_code == 405
    typed = call(context, "POST", ROUTE, content=b'{"text": "a"}', headers={"content-type": "x/y"})
    assert typed.status_code == 415
    for response in (call(context, "GET", "/nope"), call(context, "DELETE", ROUTE), typed):
        assert response.json()["request_id"] == response.headers["x-request-id"]


def test_a_body_is_counted_before_it_is_parsed(make_context):
    """By its declared length, and while it arrives. Fails if a chunked body evades the limit."""
    context = make_context(body_bytes=1000)
    headers = {"content-type": "application/json"}

    async def chunks():
        for _ in range(20):
            yield b"x" * 100

    for content in (b"x" * 1001, chunks()):
        response = call(context, "POST", ROUTE, content=content, headers=headers)
        assert response.status_code == 413
        assert response.json()["code"] == "body_too_large"
        assert "1000" in response.json()["detail"]
    headers["content-length"] = "abc"
    assert call(context, "POST", ROUTE, content=b"{}", headers=headers).status_code == 413


def test_a_body_that_does_not_arrive_is_a_408(make_context):
    context = make_context(body_timeout=0.05)

    async def never():
        yield b"{"
        await asyncio.Event().wait()

    headers = {"content-type": "application/json"}
    assert call(context, "POST", ROUTE, content=never(), headers=headers).status_code == 408


def test_keys(make_context):
    """Fails if a path that requires a key is open, or a public one requires a key."""
    context = make_context(api_keys="alpha, beta")
    assert classify(context, text="fine").status_code == 401
    assert classify(context, text="fine").headers["www-authenticate"] == "Bearer"
    for headers, status in [
        ({"authorization": "Bearer alpha"}, 200),
        ({"x-api-key": "beta"}, 200),
        ({"x-api-key": "gamma"}, 401),
        ({"authorization": "Bearer alph"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"x-api-key": b"\xff"}, 401),
    ]:
        body = {"text": "fine"}
        assert call(context, "POST", ROUTE, json=body, headers=headers).status_code == status
    for path in ("/v1/models", "/openapi.json", "/docs", "/nope"):
        assert call(context, "GET", path).status_code == 401
    for path in ("/healthz", "/readyz", "/metrics"):
        assert call(context, "GET", path).status_code == 200


def test_not_ready_and_draining(make_context):
    context = make_context()
    for change, part in ((("warm", False), "warming up"), (("draining", True), "shutting down")):
        context.readiness.warm, context.readiness.draining = True, False
        setattr(context.readiness, *change)
        for response in (classify(context, text="fine"), call(context, "GET", "/readyz")):
            assert response.status_code == 503
            assert int(response.headers["retry-after"]) <= 120
            assert part in response.json()["detail"]
        assert call(context, "GET", "/healthz").status_code == 200


def test_request_ids(context):
    given = call(context, "GET", "/healthz", headers={"x-request-id": "abc-1.2_3"})
    assert given.headers["x-request-id"] == "abc-1.2_3"
    for hostile in ("a b", "x" * 129, "a\tb", '"><script>'):
        made = call(context, "GET", "/healthz", headers={"x-request-id": hostile})
        assert made.headers["x-request-id"] != hostile
        assert len(made.headers["x-request-id"]) == 32


def test_cors_is_off_unless_configured(make_context):
    headers = {"origin": "https://a.example", "access-control-request-method": "POST"}
    closed = call(make_context(), "OPTIONS", ROUTE, headers=headers)
    assert "access-control-allow-origin" not in closed.headers
    opened = make_context(cors_origins="https://a.example", api_keys="k")
    allowed = call(opened, "OPTIONS", ROUTE, headers=headers)
    assert allowed.headers["access-control-allow-origin"] == "https://a.example"
    refused = call(opened, "OPTIONS", ROUTE, headers={**headers, "origin": "https://b.example"})
    assert "access-control-allow-origin" not in refused.headers
