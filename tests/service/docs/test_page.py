"""The page at /docs, and the security headers of every response."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from service.docs.page import render_page
from support.http_calls import ROUTE, call
from support.server import serving


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.ids, self.links, self.tags, self.words = [], [], set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        named = dict(attrs)
        self.ids += [named["id"]] if "id" in named else []
        self.links += [named[name] for name in ("href", "src") if name in named]

    def handle_data(self, data):
        self.words.append(data)


def test_docs_have_every_route_and_schema_and_load_nothing(context):
    """Fails if the page loads external resources, or lacks a part of openapi.json."""
    response = call(context, "GET", "/docs")
    page, document = Page(response.text), call(context, "GET", "/openapi.json").json()
    words = " ".join(page.words)
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in words
    for name, schema in document["components"]["schemas"].items():
        assert f"schema-{name}" in page.ids
        assert set(schema.get("properties", {})) <= set(page.words)
    assert len(page.ids) == len(set(page.ids))
    assert "Language code of the texts, such as" in words
    assert "length at least" in words
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert [link for link in page.links if not link.startswith("#")] == ["openapi.json"]
    assert not page.tags & {"script", "img", "link", "iframe"}


def test_the_policy_of_docs_allows_only_its_style(context):
    response = call(context, "GET", "/docs")
    (style,) = re.findall("<style>(.*?)</style>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = response.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "unsafe" not in policy


def test_a_schema_is_escaped():
    evil = "<script>alert(1)</script>"
    schema = {"type": evil, "description": evil, "default": evil, "enum": [evil]}
    page = render_page({
        "info": {"title": evil, "version": evil, "summary": evil},
        "paths": {f"/{evil}": {"post": {
            "description": evil,
            "parameters": [{"name": evil, "in": evil, "schema": schema}],
            "requestBody": {"content": {evil: {"schema": {"$ref": f"#/{evil}"}}}},
            "responses": {evil: {"description": evil}},
        }}},
        "components": {"schemas": {evil: {"description": evil, "properties": {evil: schema}}}},
    })  # fmt: skip
    assert "<script" not in page


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/models"), ("GET", "/healthz"), ("GET", "/nope"), ("PUT", ROUTE), ("POST", ROUTE)],
)
def test_every_response_has_security_headers(make_context, method, path):
    """Errors of the middleware as well as responses of routes."""
    for context in (make_context(), make_context(api_keys="k")):
        headers = call(context, method, path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


@pytest.mark.process
def test_a_server_does_not_reveal_its_software(tiny_bundle):
    with serving("--models", str(tiny_bundle)) as server, server.client() as client:
        for response in (client.get("/docs"), client.get("/nope"), client.get("/healthz")):
            assert "server" not in response.headers
            assert "x-powered-by" not in response.headers
