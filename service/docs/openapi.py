"""API keys in the OpenAPI document that FastAPI generates."""

from typing import Any

from fastapi import FastAPI

from service.inference.admission import PUBLIC_PATHS

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def add_security_schemes(app: FastAPI) -> None:
    """Document which routes require an API key, and how to send it."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        document.setdefault("components", {})["securitySchemes"] = _SCHEMES
        for path, operations in document["paths"].items():
            if path not in PUBLIC_PATHS:
                for operation in operations.values():
                    operation["security"] = [{name: []} for name in _SCHEMES]
        return document

    app.openapi = openapi  # type: ignore[method-assign]
