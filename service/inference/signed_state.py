"""Generation states that clients keep: signed, so that a server accepts only its own."""

import hashlib
import hmac

from service.errors import Problem
from service.inference.models import ServedModel
from service.settings import Settings

_SIGNATURE = 32
"""Hexadecimal digits."""


class StateSigner:
    """Signs a state together with the digest of the weights that produced it. A state that was
    forged, changed or produced by another model does not verify."""

    def __init__(self, settings: Settings):
        self._key = settings.state_key.get_secret_value().encode()

    def sign(self, served: ServedModel, state: str) -> str:
        return self._signature(served, state) + state

    def verify(self, served: ServedModel, signed: str) -> str:
        """The state of a signed state. Raises Problem 422."""
        signature, state = signed[:_SIGNATURE], signed[_SIGNATURE:]
        expected = self._signature(served, state)
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()):
            message = (
                "the state was not returned by this server for this model; send a state unchanged, "
                "to the model that returned it"
            )
            errors = [{"pointer": "/state", "message": message, "code": "foreign_state"}]
            raise Problem(422, "foreign_state", f"/state: {message}", errors=errors)
        return state

    def _signature(self, served: ServedModel, state: str) -> str:
        weights = served.info.files["weights.safetensors"]
        message = f"{weights}:{state}".encode("utf-8", "replace")
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:_SIGNATURE]
