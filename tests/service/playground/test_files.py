"""The files of the playground, as served."""

import re
from importlib.resources import files

import pytest

from service.playground import FILES
from support.http_calls import call


def test_the_page_and_its_protection(context):
    """Fails if scripts or styles of other hosts are allowed, or browsers may guess types."""
    response = call(context, "GET", "/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


def test_referenced_files_are_served(context):
    named = {"index.html"}
    for name, file in FILES.items():
        text = file.content.decode()
        pattern = r'"playground/([\w.]+)"' if name == "index.html" else r'from "\./([\w.]+)"'
        named |= set(re.findall(pattern, text))
    assert named == set(FILES)
    for name in named:
        response = call(context, "GET", f"/playground/{name}")
        assert response.status_code == 200
        assert response.content == FILES[name].content
        assert response.headers["content-type"] != "text/plain"


def test_cached_files_are_not_sent_again(context):
    first = call(context, "GET", "/")
    assert first.headers["cache-control"] == "no-cache"
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = call(context, "GET", "/", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
    changed = call(context, "GET", "/", headers={"if-none-match": '"other"'})
    assert changed.content == first.content


@pytest.mark.parametrize("name", ["nothing.js", "__init__.py", "..%2fapp.py", "%2e%2e%2fapp.py"])
def test_nothing_else_is_served(context, name):
    response = call(context, "GET", f"/playground/{name}")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_is_not_in_the_openapi_document(context):
    paths = call(context, "GET", "/openapi.json").json()["paths"]
    assert not [path for path in paths if path == "/" or "playground" in path]


def test_is_served_before_the_models_are_warm(context):
    context.readiness.warm = False
    assert call(context, "GET", "/").status_code == 200


def test_no_inline_code_and_no_markup_from_text():
    """Fails for inline code, which only a browser would reject, and for functions that parse text
    as markup, which only a hostile text would reveal."""
    page = FILES["index.html"].content.decode()
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", page)
    scripts = [name for name in FILES if name.endswith(".js")]
    for name in scripts:
        text = FILES[name].content.decode()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
        assert len(text.splitlines()) <= 300
    assert len(scripts) == len([f for f in files("service.playground").iterdir()
                                if f.name.endswith(".js")])  # fmt: skip
