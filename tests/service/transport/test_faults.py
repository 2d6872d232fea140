"""Slow, vanishing and malformed clients, against a real server. After each test the server must
have released their connections."""

import json
import re
import select
import socket
import struct
import time
from contextlib import closing

import psutil
import pytest

from support.server import serving

HEAD = b"POST /v1/classify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
PATIENCE = 1
"""Seconds that the server waits for a head, for a body, and for a client that reads nothing."""


@pytest.fixture(scope="module")
def server(tiny_bundle, generate_bundle, few_shapes):
    small = [str(few_shapes(bundle)) for bundle in (tiny_bundle, generate_bundle)]
    bundles = ("--models", small[0], "--models", small[1])
    with serving(*bundles, TEXTRNN_BODY_TIMEOUT=str(PATIENCE), TEXTRNN_BODY_BYTES="2000000") as it:
        yield it


def held(server):
    """The number of connections of a server, which must still respond."""
    with server.client() as client:
        body = {"text": "a fine film"}
        answer = client.post("/v1/classify", json=body, headers={"connection": "close"})
        assert answer.status_code == 200
    return len(psutil.Process(server.process.pid).net_connections())


def wait_until_held(server, most):
    end = time.monotonic() + 60
    while held(server) > most:
        assert time.monotonic() < end, "the server keeps connections"


@pytest.fixture(autouse=True)
def _nothing_is_kept(server):
    """Fails if a connection stays open, or the server no longer answers, after a test."""
    before = held(server)
    yield
    wait_until_held(server, before)


def connect(server):
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    return closing(connection)


def everything(connection):
    """All data until the server closes the connection, or resets it since it still received data
    after its response."""
    got = b""
    try:
        while part := connection.recv(65536):
            got += part
    except ConnectionResetError:
        assert got
    return got


def status(got):
    return int(got.split(b" ", 2)[1])


def ask(text="a fine film"):
    body = json.dumps({"text": text}).encode()
    return HEAD + b"content-length: %d\r\n\r\n" % len(body) + body


def trickle(connection, part):
    """Send a part repeatedly until there is a response, and return the response."""
    while not select.select([connection], [], [], 0.05)[0]:
        connection.sendall(part)
    return everything(connection)


@pytest.mark.parametrize("part", [b"", b"a"])
def test_a_body_that_does_not_arrive_is_a_408(server, part):
    with connect(server) as connection:
        connection.sendall(HEAD + b"content-length: 100000\r\n\r\n{")
        got = trickle(connection, part)
    assert status(got) == 408
    assert b'"code":"request_timeout"' in got


@pytest.mark.parametrize("part", [b"", b"a"])
def test_an_incomplete_head_is_a_408_and_blocks_no_other_client(server, part):
    with connect(server) as connection, server.client() as client:
        connection.sendall(b"POST /v1/classify HTTP/1.1\r\nx-slow: a")
        for _ in range(3):
            assert client.post("/v1/classify", json={"text": "a fine film"}).status_code == 200
        got = trickle(connection, part)
    assert status(got) == 408
    assert b'"code":"request_timeout"' in got


@pytest.mark.parametrize("before", [b"", ask()])
@pytest.mark.parametrize("then", [b"", b"\r\n"])
def test_a_connection_without_a_request_is_closed(server, before, then):
    """A connection that never sent a request, and one that sends empty lines after its last one.
    Fails if empty lines stop the keep-alive timer."""
    if before and not then:
        return  # the keep-alive timer of 30 s
    with connect(server) as connection:
        connection.sendall(before)
        if before:
            assert status(connection.recv(65536)) == 200
        connection.sendall(then)
        got = everything(connection)
    assert not got or status(got) == 408


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /v1/classify HT",
        HEAD + b"content-length: 100\r\n\r\n{",
        ask(),
        ask() * 50,
        ask() + b"POST /v1/cl",
    ],
)
def test_connections_of_vanished_clients_are_released(server, sent, reset):
    """After each part of a request, by closing the connection or by a reset."""
    for _ in range(20):
        with connect(server) as connection:
            connection.sendall(sent)
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("reset", [False, True])
def test_a_stream_ends_when_its_client_vanishes(server, reset):
    body = {"prompt": "cat ", "max_characters": 8192, "stream": True}
    body = json.dumps(body).encode()
    for _ in range(5):
        with connect(server) as connection:
            connection.sendall(
                HEAD.replace(b"classify", b"generate")
                + b"content-length: %d\r\n\r\n" % len(body) + body
            )  # fmt: skip
            assert status(connection.recv(65536)) == 200
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with server.client() as client:
        while not re.search("^textrnn_queue_depth 0", client.get("/metrics").text, re.MULTILINE):
            pass


def test_a_client_that_reads_no_response_is_disconnected(server):
    """Fails if a client can make the server hold responses without limit."""
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, port = server.url.removeprefix("http://").split(":")
        connection.connect((host, int(port)))
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n" * 400)
        wait_until_held(server, 1)


def test_a_huge_head_is_a_431(server):
    for sent in (
        b"GET /healthz HTTP/1.1\r\nx-long: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"x: y\r\n" * 5000 + b"\r\n",
        b"GET /healthz?" + b"q" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nx-endless: " + b"a" * 20_000,
    ):
        with connect(server) as connection:
            connection.sendall(sent)
            got = everything(connection)
        assert status(got) == 431
        assert b'"code":"head_too_large"' in got
        assert b"aaaa" not in got


def test_a_body_over_the_limit_is_a_413_before_it_has_arrived(server):
    """Nothing is sent of a body with a declared length, and only a part of a chunked one. Fails if
    the server waits for the rest."""
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    for sent in (
        HEAD + b"content-length: 100000000000\r\n\r\n",
        HEAD + b"content-length: " + b"9" * 30 + b"\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk * 31,
    ):
        with connect(server) as connection:
            connection.sendall(sent)
            assert status(connection.recv(65536)) in (400, 413)


def test_a_client_may_continue_after_too_large_a_body(server):
    """Fails if the connection is reset while the body arrives, before the client can read the
    response."""
    large = b"x" * 5_000_000
    for _ in range(10):
        with connect(server) as connection:
            connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(large) + large)
            assert status(connection.recv(65536)) == 413
            connection.sendall(ask())
            assert status(connection.recv(65536)) == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n",
        HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\n",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n bad header\r\n\r\n",
    ],
)
def test_malformed_requests_are_a_400(server, garbage):
    with connect(server) as connection:
        connection.sendall(garbage)
        got = everything(connection)
    assert status(got) == 400
    assert b'"code":"bad_request"' in got


def test_requests_before_a_malformed_one_are_answered(server):
    """Fails if an error is written into, or instead of, a response that is in progress."""
    with connect(server) as connection:
        connection.sendall(ask() * 3 + b"garbage\r\n\r\n")
        got = everything(connection)
    assert got.count(b"HTTP/1.1 200 OK") == 3
    assert got.count(b'"label"') > 2
    assert got.count(b"HTTP/1.1") == 3
