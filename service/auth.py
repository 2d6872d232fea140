"""API keys in the forms in which clients send them."""

import base64
import binascii
import hmac

from starlette.datastructures import Headers

from service.settings import Settings


class ApiKeys:
    """The keys of the settings. Without any, every request is accepted."""

    def __init__(self, settings: Settings):
        self._keys = [key.get_secret_value().encode() for key in settings.api_keys]

    @property
    def required(self) -> bool:
        """Whether the server requires an API key."""
        return bool(self._keys)

    def accept_headers(self, headers: Headers) -> bool:
        """Whether the headers hold a valid key."""
        return not self._keys or self.accept(key_from_headers(headers))

    def accept(self, key: str) -> bool:
        """Whether a key is valid. It is compared with all keys, with each in constant time."""
        sent = key.encode("utf-8", "replace")
        return not self._keys or bool(sum(hmac.compare_digest(sent, own) for own in self._keys))


def key_from_headers(headers: Headers) -> str:
    """The key in X-API-Key, as a bearer token, or as the password of HTTP Basic authentication with
    any user name, which is how browsers send it. Empty if there is none."""
    key = headers.get("x-api-key")
    if key is not None:
        return key
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return credentials if scheme.lower() == "bearer" else scheme
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
