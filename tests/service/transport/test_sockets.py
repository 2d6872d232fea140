"""Listening sockets and their URLs."""

import socket

import pytest

from service.transport.sockets import bind, url_of
from textrnn.errors import UserError


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_a_url_can_be_called(host, shown):
    """Fails if an IPv6 address has no brackets, in the URL or in an error."""
    if ":" in host and not has_ipv6():
        pytest.skip("there is no IPv6 here")
    with bind(host, 0) as listening:
        port = listening.getsockname()[1]
        assert url_of(listening) == f"http://{shown}:{port}"
        with pytest.raises(UserError) as caught:
            bind(host, port)
    assert str(caught.value).startswith(f"cannot listen on {shown}:{port}: Address already in use")


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
