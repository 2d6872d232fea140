"""GET /docs: every route with its schema, as one page without scripts and external resources.

The page is rendered from the OpenAPI document, so that there is only one description.
"""

import base64
import hashlib
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter()

Schema = dict[str, Any]

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin: 3rem 0 0; font-size: 1.1rem; border-top: 1px solid #8886; padding-top: 1rem }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 0.2rem 1rem 0.2rem 0 }
th { font-weight: normal; min-width: 8rem }
nav li { list-style: none }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    page = render_page(request.app.openapi())
    return HTMLResponse(page, headers={"content-security-policy": _POLICY})


def render_page(document: Schema) -> str:
    """An OpenAPI document as HTML."""
    info = document["info"]
    routes = [
        (method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    links = "".join(
        f"<li><a href='#{_id(method, path)}'><code>{method} {escape(path)}</code></a></li>"
        for method, path, _ in routes
    )
    title = escape(info["title"])
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}: API</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<style>{STYLE}</style></head><body><main>"
        f"<h1>{title} {escape(info['version'])}</h1><p>{escape(info.get('summary', ''))} "
        "As JSON: <a href='openapi.json'>openapi.json</a>.</p>"
        f"<nav><ul>{links}</ul></nav>"
        + "".join(_route(*route) for route in routes)
        + "".join(_schema(*named) for named in document["components"]["schemas"].items())
        + "</main></body></html>"
    )


def _route(method: str, path: str, operation: Schema) -> str:
    parts = [f"<h2 id='{_id(method, path)}'><code>{method} {escape(path)}</code></h2>"]
    parts.append(f"<p>{escape(operation.get('description', ''))}</p>")
    if "requestBody" in operation:
        parts.append(f"<p>Body: {_content(operation['requestBody'])}</p>")
    for parameter in operation.get("parameters", []):
        name, kind = escape(parameter["name"]), _kind(parameter["schema"])
        parts.append(f"<p>In the {escape(parameter['in'])}: <code>{name}</code>, {kind}</p>")
    answers: dict[str, list[str]] = {}
    for status, answer in sorted(operation["responses"].items()):
        content = _content(answer) or escape(answer["description"])
        answers.setdefault(content, []).append(status)
    rows = [(", ".join(statuses), content) for content, statuses in answers.items()]
    return "".join(parts) + _table(rows)


def _content(holder: Schema) -> str:
    """`application/json`: ClassifyRequest"""
    return " or ".join(
        f"<code>{escape(media)}</code>: {_kind(content.get('schema', {}))}"
        for media, content in holder.get("content", {}).items()
    )


def _schema(name: str, schema: Schema) -> str:
    required = schema.get("required", ())
    rows = []
    for field, kind in schema.get("properties", {}).items():
        note = ", required" if field in required else ""
        rows.append((field, f"{_kind(kind)}{note}. {escape(kind.get('description', ''))}"))
    return (
        f"<h2 id='schema-{escape(name)}'>{escape(name)}</h2>"
        f"<p>{escape(schema.get('description', ''))}</p>{_table(rows)}"
    )


def _table(rows: list[tuple[str, str]]) -> str:
    """Rows of a name and its description in HTML."""
    lines = (f"<tr><th><code>{escape(n)}</code></th><td>{html}</td></tr>" for n, html in rows)
    return f"<table>{''.join(lines)}</table>"


_BOUNDS = {
    "minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than", "minLength": "length at least", "maxLength": "length at most",
    "minItems": "items at least", "maxItems": "items at most", "pattern": "matches",
    "default": "default",
}  # fmt: skip


def _kind(schema: Schema) -> str:
    """A type in words: `list of string, items at least 1`."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[1])
        return f"<a href='#schema-{name}'>{name}</a>"
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        words = " or ".join(_kind(c) for c in choices if c.get("type") != "null")
    elif "enum" in schema or "const" in schema:
        words = " or ".join(f"<code>{escape(str(v))}</code>" for v in _values(schema))
    elif schema.get("type") == "array":
        words = f"list of {_kind(schema.get('items', {}))}"
    else:
        words = escape(str(schema.get("type", "anything")))
    bounds = (
        f", {label} <code>{escape(str(schema[key]))}</code>"
        for key, label in _BOUNDS.items()
        if schema.get(key) is not None
    )
    return words + "".join(bounds)


def _values(schema: Schema) -> list[Any]:
    return schema.get("enum") or [schema["const"]]


def _id(method: str, path: str) -> str:
    return escape(f"{method}-{path}".replace("/", "-").replace("{", "").replace("}", ""))
