"""States that leave the server and come back: signed, so that none but its own are taken."""

import hashlib
import hmac

from service.errors import Problem
from service.inference.models import ServedModel
from service.settings import Settings

_SIGNATURE = 32


class StateSigner:
    """A state is signed together with the weights that it belongs to: what was forged, changed or
    made by another model does not verify."""

    def __init__(self, settings: Settings):
        self._key = settings.state_key.get_secret_value().encode()

    def seal(self, served: ServedModel, state: str) -> str:
        return self._signature(served, state) + state

    def open(self, served: ServedModel, token: str) -> str:
        """Raises Problem 422."""
        signature, state = token[:_SIGNATURE], token[_SIGNATURE:]
        right = self._signature(served, state)
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), right.encode()):
            message = (
                "the state is not one that this server gave for this model; send back a state as "
                "you got it, to the model that made it"
            )
            errors = [{"pointer": "/state", "message": message, "code": "foreign_state"}]
            raise Problem(422, "foreign_state", f"/state: {message}", errors=errors)
        return state

    def _signature(self, served: ServedModel, state: str) -> str:
        weights = served.info.files["weights.safetensors"]
        message = f"{weights}:{state}".encode("utf-8", "replace")
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:_SIGNATURE]
