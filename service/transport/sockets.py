"""Listening sockets."""

import socket

from textrnn.errors import UserError

BACKLOG = 2048
"""Connections that may wait to be accepted."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises UserError if the address is not available."""
    return _bind(host, port, shared=False, listen=True)


def bind_shared(host: str, port: int, listen: bool) -> socket.socket:
    """A socket at an address that several processes share: the kernel distributes connections among
    the sockets that listen. Raises UserError if the address is not available."""
    return _bind(host, port, shared=True, listen=listen)


def url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{_authority(host, port)}"


def _authority(host: str, port: int) -> str:
    """Host and port as in a URL, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bind(host: str, port: int, shared: bool, listen: bool) -> socket.socket:
    bound = None
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, proto)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
        if listen:
            bound.listen(BACKLOG)
    except OSError as error:
        if bound is not None:
            bound.close()
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot listen on {_authority(host, port)}: {reason}; "
            "choose another with --host and --port"
        ) from None
    return bound
