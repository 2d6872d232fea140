"""API keys, as clients send them."""

import base64
import binascii
import hmac

from starlette.datastructures import Headers

from service.settings import Settings


class ApiKeys:
    def __init__(self, settings: Settings):
        self._known = [key.get_secret_value().encode() for key in settings.api_keys]

    @property
    def asked(self) -> bool:
        """Whether any are asked for."""
        return bool(self._known)

    def open_to(self, key: str) -> bool:
        """Whether this key, or any where none is asked for, is let in. All are compared, each in
        constant time."""
        given = key.encode("utf-8", "replace")
        return not self._known or bool(sum(hmac.compare_digest(given, k) for k in self._known))


def sent(headers: Headers) -> str:
    """The key that a client sent: as X-API-Key, as a bearer's token, or, as browsers do that asked
    a person, as the password of a user of any name."""
    given = headers.get("x-api-key")
    if given is not None:
        return given
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return credentials if scheme.lower() == "bearer" else scheme
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
