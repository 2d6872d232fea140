"""Requests that find the queue full are refused from their heads alone, over real connections."""

import asyncio
import json
import re
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn.server import ServerState

from service.app import DIALECTS
from service.dialect import dialect_of
from service.errors import queue_full
from service.inference.lifecycle import Lifecycle
from service.inference.queue_limits import Demand
from service.server import DrainingServer
from support.log_watch import expecting

BODY = b'{"text": "fine"}'
CLIENT = "127.0.0.1"
DEMAND = Demand(texts=8, tokens=64, seconds=0.01)


def head(path=b"/v1/classify", method=b"POST", version=b"1.1", length=16, more=b""):
    return (
        b"%s %s HTTP/%s\r\nhost: x\r\ncontent-type: application/json\r\n%s"
        b"content-length: %d\r\n\r\n" % (method, path, version, more, length)
    )


@pytest.fixture
def make_full(make_context):
    """Makes contexts whose queue is full of texts that never run, given settings."""

    def make(**settings):
        context = make_context(queue_rows=8, texts=8, **settings)
        context.admission.limits.open(CLIENT, DEMAND)
        return context

    return make


@pytest.fixture
def full(make_full):
    return make_full()


@asynccontextmanager
async def connection_to(context):
    lifecycle = Lifecycle(context.models, context.readiness)
    config = DrainingServer(context, lifecycle, lambda: None).config
    config.load()

    def protocol():
        make: Any = config.http_protocol_class
        return make(config=config, server_state=ServerState(), app_state={})

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()
        lifecycle.close()


async def answer(reader):
    """Status, headers and body."""
    async with asyncio.timeout(30):
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = dict(line.split(": ", 1) for line in lines)
        return first, headers, await reader.readexactly(int(headers["content-length"]))


def exchange(context, *parts):
    """The response to each part; a part is sent after the response to the previous one."""

    async def go():
        async with connection_to(context) as (reader, writer):
            got = []
            for part in parts:
                writer.write(part)
                got.append(await answer(reader))
            return got

    return asyncio.run(go())


@pytest.mark.parametrize(
    "path",
    ["/v1/classify", "/models/tiny", "/v1/completions", "/translate", "/nowhere", "/a%20b?c=d"],
)
def test_a_refusal_has_the_form_of_its_dialect(full, path):
    """Fails if it differs from the response of the application, or if the server waits for the
    body."""
    ((first, headers, body),) = exchange(full, head(path.encode()))
    assert first == "HTTP/1.1 429 Too Many Requests"
    id = headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", id)
    plain = path.partition("?")[0].replace("%20", " ")
    expected = dialect_of(plain, DIALECTS).error_response(queue_full(1), plain, id)
    assert body == expected.body
    assert headers.items() >= dict(expected.headers).items()
    assert headers["retry-after"] == "1"
    assert headers["x-content-type-options"] == "nosniff"
    assert "connection" not in headers


def test_each_refusal_has_a_new_id_or_that_of_its_request(full):
    with_id = head(more=b"X-Request-ID: mine\r\n") + BODY
    bad_id = head(more=b"x-request-id: <script>\r\n") + BODY
    got = exchange(full, head() + BODY, head() + BODY, with_id, bad_id)
    ids = [headers["x-request-id"] for _, headers, _ in got]
    assert [json.loads(body)["request_id"] for _, _, body in got] == ids
    assert ids[2] == "mine"
    assert len(set(ids)) == 4
    assert "<" not in ids[3]


def test_a_connection_outlives_refusals(full):
    """Bodies of refused requests arrive late, in parts and in chunks. Fails if the rest of a body
    is read as the next request, or as its body."""

    async def go():
        async with connection_to(full) as (reader, writer):
            writer.write(head())
            refused = [await answer(reader)]
            writer.write(BODY[:5])
            await writer.drain()
            chunked = b"POST /v1/classify HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
            writer.write(BODY[5:] + chunked)
            refused.append(await answer(reader))
            writer.write(b"5\r\nabcde\r\n0\r\n\r\n")
            full.admission.limits.change(CLIENT, DEMAND, -1)
            writer.write(head() + BODY)
            return refused, await answer(reader)

    refused, (first, _, body) = asyncio.run(go())
    assert [line for line, _, _ in refused] == ["HTTP/1.1 429 Too Many Requests"] * 2
    assert first == "HTTP/1.1 200 OK"
    assert json.loads(body)["results"]


@pytest.mark.parametrize(
    "request_head", [head(version=b"1.0"), head(more=b"connection: close\r\n"),
                     head(more=b"expect: 100-continue\r\n")]
)  # fmt: skip
def test_a_refusal_closes_a_connection_that_cannot_be_reused(full, request_head):
    async def go():
        async with connection_to(full) as (reader, writer):
            writer.write(request_head)
            got = await answer(reader)
            return got, await asyncio.wait_for(reader.read(), 30)

    (first, headers, _), rest = asyncio.run(go())
    assert first == "HTTP/1.1 429 Too Many Requests"
    assert headers["connection"] == "close"
    assert rest == b""


def test_a_body_that_never_arrives_ends_the_connection(make_full):
    async def go():
        async with connection_to(make_full(body_timeout=0.3)) as (reader, writer):
            writer.write(head(length=10**9) + b"{")
            await answer(reader)
            return await asyncio.wait_for(reader.read(), 30)

    assert asyncio.run(go()) == b""


def test_only_inference_is_refused(full):
    """Fails if health, metrics and the list of models are not available when the queue is full."""
    paths = (b"/healthz", b"/readyz", b"/metrics", b"/v1/models")
    got = exchange(full, *(head(path, method=b"GET", length=0) for path in paths))
    assert [first for first, _, _ in got] == ["HTTP/1.1 200 OK"] * 4


def test_a_server_that_shuts_down_returns_503_even_if_its_queue_is_full(full):
    full.readiness.draining = True
    ((first, headers, _),) = exchange(full, head() + BODY)
    assert first == "HTTP/1.1 503 Service Unavailable"
    assert headers["connection"] == "close"


def test_pages_of_other_origins_can_read_refusals(make_context):
    """Fails if the headers of CORS differ from those of responses of the application."""
    for origins, origin, shown in (
        ("https://a.example", b"https://a.example", "https://a.example"),
        ("https://a.example", b"https://b.example", None),
        ("*", b"https://b.example", "*"),
    ):
        context = make_context(queue_rows=8, texts=8, cors_origins=origins)
        more = b"origin: %s\r\n" % origin
        read = head(b"/v1/models", method=b"GET", length=0, more=more)
        ((_, answered, _),) = exchange(context, read)
        context.admission.limits.open(CLIENT, DEMAND)
        ((first, refused, _),) = exchange(context, head(more=more) + BODY)
        assert first == "HTTP/1.1 429 Too Many Requests"
        for name in ("access-control-allow-origin", "access-control-expose-headers", "vary"):
            assert refused.get(name) == answered.get(name)
        assert refused.get("access-control-allow-origin") == shown


def test_refusals_are_counted_and_logged_together(full, caplog):
    async def go():
        async with connection_to(full) as (reader, writer):
            with expecting("refused in a second") as logged:
                for _ in range(3):
                    writer.write(head() + BODY)
                    await answer(reader)
                assert await asyncio.to_thread(logged.wait, 60)

    asyncio.run(go())
    assert caplog.messages == ["3 requests refused in a second: the queue is full"]
    metrics = full.metrics.render().decode()
    assert 'textrnn_rejected_total{reason="queue_full"} 3.0' in metrics
    series = 'textrnn_requests_total{model="",route="/v1/classify",status="429",task=""} 3.0'
    assert series in metrics
