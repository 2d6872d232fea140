"""What is bounded before there is a request. A server in this process, and bare sockets."""

import asyncio

import pytest
import uvicorn

from service import protocol


def with_server(use):
    """Serve an application that answers `ok`; gives what `use(port)` gives."""

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    async def go():
        config = uvicorn.Config(
            app, port=0, http=protocol.BoundedProtocol, lifespan="off", ws="none", log_config=None
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        try:
            return await use(server.servers[0].sockets[0].getsockname()[1])
        finally:
            await server.shutdown()

    return asyncio.run(go())


async def exchange(port, *parts):
    """What comes back until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer


def test_a_head_that_is_too_large_is_a_431():
    """Fails if a client can fill the memory with headers, in one or in many."""
    one = b"x: " + b"a" * 70_000
    many = b"\r\n".join(b"x-%d: %s" % (n, b"a" * 1000) for n in range(70))
    path = b"GET /" + b"a" * 70_000
    for head in (b"GET / HTTP/1.1\r\n" + one, b"GET / HTTP/1.1\r\n" + many, path):
        answer = with_server(lambda port, head=head: exchange(port, head))
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert b'"code":"head_too_large"' in answer
        assert b"aaaa" not in answer


def test_a_large_head_within_the_bound_and_a_long_body_are_taken():
    """Fails if what is counted is more than the head."""
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: " + b"a" * 60_000
    body = b"content-length: 300000\r\n\r\n" + b"b" * 300_000
    answer = with_server(lambda port: exchange(port, head + b"\r\n", body))
    assert answer.endswith(b"ok")


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost: x\r\n"])
def test_a_head_that_does_not_arrive_ends_the_connection(monkeypatch, sent):
    """Fails if connections that ask for nothing stay for ever, until there are no more."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    assert with_server(lambda port: exchange(port, sent)) == b""


def test_who_has_sent_a_head_is_waited_for(monkeypatch):
    """Fails if the time for a head goes on behind it."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)

    async def two(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.1)
        writer.close()

    with_server(two)
