"""Streamed responses are those that the OpenAPI document describes."""

import pytest
import schemathesis
from schemathesis.checks import CHECKS, load_all_checks

from service.app import make_app

load_all_checks()
STREAMS = {
    "/v1/generate": {"prompt": "cat ", "max_characters": 40, "stream": True},
    "/models/{name}": {"inputs": "cat ", "stream": True},
    "/v1/completions": {"model": "tiny-generate", "prompt": "cat ", "stream": True},
}


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_conforms_to_the_openapi_document(path, generate_context):
    """Fails if a route does not document that it streams, or describes other events than it
    sends."""
    document = schemathesis.openapi.from_asgi("/openapi.json", make_app(generate_context))
    names = {"name": "tiny-generate"} if "{name}" in path else {}
    case = document[path]["POST"].Case(
        body=STREAMS[path], path_parameters=names, media_type="application/json"
    )
    checks = CHECKS.get_by_names(["content_type_conformance", "response_schema_conformance"])
    response = case.call_and_validate(checks=checks)
    assert response.status_code == 200
    assert response.headers["content-type"] == ["text/event-stream; charset=utf-8"]
    assert response.text.count("\n\n") > 2
