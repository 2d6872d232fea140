"""Headers that every answer has."""

import random
import re

GUARDS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""For a browser that comes upon an answer: it is data, not a page, a script or a frame, and is not
to be kept. A page has a policy of its own. Who may call from another origin is for CORS to say."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def new_id() -> str:
    """Not a secret: 128 random bits, drawn without asking the system for them."""
    return f"{random.getrandbits(128):032x}"


def request_id(given: str) -> str:
    """The id that a client gave, if it is one; else a new one."""
    return given if _REQUEST_ID.fullmatch(given) else new_id()
