"""Who sent a request: the clients among which the queue and the device are shared."""

import ipaddress
from functools import lru_cache

from starlette.datastructures import Headers

from service.auth import ApiKeys, key_from_headers

_PREFIX = 64
"""Bits of an IPv6 address that name a network; a client has all addresses of one."""


def client_of(address: tuple[str, int] | None, headers: Headers, keys: ApiKeys) -> str:
    """The API key of a request if the server requires one and the headers hold it, else the network
    that it comes from. `address` is a host and a port."""
    if keys.required:
        key = key_from_headers(headers)
        if keys.accept(key):  # with others, a client could be many
            return key
    return _network(address[0]) if address else ""


@lru_cache(1024)
def _network(host: str) -> str:
    """An IPv4 address, or the network of an IPv6 address. Another string, which a proxy may have
    sent, is returned as it is."""
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), _PREFIX), strict=False))
