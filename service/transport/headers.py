"""Headers of every response."""

import random
import re

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""For browsers: a response is data, not a page, a script or a frame, and is not to be stored. Pages
have policies of their own. Access from other origins is left to CORS."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def request_id(sent: str = "") -> str:
    """The id that a client sent, if it is valid, or a new one.

    A new id is not a secret: 128 random bits, drawn without a system call.
    """
    return sent if _REQUEST_ID.fullmatch(sent) else f"{random.getrandbits(128):032x}"
