"""Admission of requests whose clients disconnect, or when the queue is full, in this process."""

import asyncio

import pytest
from starlette.datastructures import Headers

from service.api.native import NATIVE
from service.app import make_app
from service.auth import ApiKeys
from service.errors import Problem
from service.inference.clients import client_of
from service.inference.queue_limits import Demand
from service.settings import Settings
from support.http_calls import ROUTE, hold_device

BODY = b'{"text": "fine"}'


def post(context, *messages):
    """The messages that the application sends for a POST whose body arrives as these messages."""
    waiting, sent = list(messages), []
    scope = {
        "type": "http", "method": "POST", "path": ROUTE, "raw_path": ROUTE.encode(),
        "query_string": b"", "headers": [(b"content-type", b"application/json")],
    }  # fmt: skip

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(make_app(context)(scope, receive, send))
    return sent, waiting


def part(body, more):
    return {"type": "http.request", "body": body, "more_body": more}


LEFT = {"type": "http.disconnect"}


@pytest.mark.parametrize("messages", [(part(BODY[:5], True), LEFT), (part(BODY, False), LEFT)])
def test_a_client_that_leaves_is_counted_and_is_no_defect(
    context, served, monkeypatch, caplog, messages
):
    """While the body arrives, and while the texts run. Fails if the server logs an error, or counts
    the disconnect as an error of its own."""
    hold = hold_device(monkeypatch, served)
    try:
        post(context, *messages)
    finally:
        hold.released.set()
    assert 'status="499"' in context.metrics.render().decode()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_full_queue_is_refused_before_the_body_is_read(make_context):
    """Fails if a request that passed load shedding at the same time as many others is read and
    tokenised before it is refused."""
    context = make_context(queue_rows=8, texts=8)
    context.admission.limits.open("", Demand(texts=8, tokens=64, seconds=0.01))
    (start, _), unread = post(context, part(BODY, False))
    assert start["status"] == 429
    assert len(unread) == 1
    assert 'textrnn_rejected_total{reason="queue_full"} 1.0' in context.metrics.render().decode()


@pytest.mark.parametrize(
    ("keys", "headers", "host", "client"),
    [
        ((), {"x-api-key": "k"}, "10.0.0.1", "10.0.0.1"),
        ("k,l", {"x-api-key": "k"}, "10.0.0.1", "k"),
        ("k,l", {"authorization": "Bearer l"}, "10.0.0.1", "l"),
        ("k,l", {"x-api-key": "drawn at random"}, "10.0.0.1", "10.0.0.1"),
        ("k,l", {}, "10.0.0.1", "10.0.0.1"),
        ((), {}, "2001:db8:1:2:3::9", "2001:db8:1:2::/64"),
        ((), {}, "2001:db8:1:2:aa::1", "2001:db8:1:2::/64"),
        ((), {}, "::ffff:10.0.0.1", "10.0.0.1"),
        ((), {}, "fe80::1%eth0", "fe80::/64"),
        ((), {}, "unknown:x", "unknown:x"),
    ],
)
def test_a_client_is_a_valid_key_or_a_network(keys, headers, host, client):
    """Fails if a client can be many, by keys that it makes up or by addresses of its network."""
    found = client_of((host, 1), Headers(headers), ApiKeys(Settings(api_keys=keys)))
    assert found == client
    assert client_of(None, Headers(), ApiKeys(Settings())) == ""


def test_each_refusal_is_a_new_exception(make_context):
    """Fails if one exception is raised repeatedly: each raise adds its frames, which would keep
    every refused request in memory."""
    admission, problems = make_context(api_keys="k").admission, []
    for _ in range(2):
        with pytest.raises(Problem) as caught:
            admission.check_credentials("/v1/models", Headers(), NATIVE)
        problems.append(caught.value)
    assert problems[0].status == 401
    assert problems[0] is not problems[1]
