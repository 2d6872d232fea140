"""Translations of HTML, of forms and of files. The translator reverses the words of a sentence."""

import json
import re

import pytest

from service.dialects.libretranslate import files
from service.dialects.libretranslate.documents import cut_sentences
from service.errors import Problem
from support.http_calls import JSON, call
from textrnn.text.treebank import treebank_tokens

LANGUAGES = {"source": "en", "target": "de"}


def translate(context, **body):
    return call(context, "POST", "/translate", json={**LANGUAGES, **body})


def translate_html(context, q, **body):
    response = translate(context, q=q, format="html", **body)
    assert response.status_code == 200, response.text
    return response.json()["translatedText"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>one <b>two</b> red</p>", "<p>red <b>two</b> one</p>"),
        ("one <a href=x><i>two</i> 17</a> dog", "dog <a href=x>17 <i>two</i></a> one"),
        ("<p>one two\n  red</p>\n<p>cat", "<p>red two one</p>\n<p>cat"),
        ("see <code>run</code> dog", "dog <code>run</code> see"),
        ("<h1 translate=no>one two</h1><p>one two", "<h1 translate=no>one two</h1><p>two one"),
        ("<!-- one --><script>one < 'two'</script><p>17</p>", None),
    ],
)
def test_sentences_are_translated_whole(translate_context, source, expected):
    assert translate_html(translate_context, source) == (expected or source)


def test_alternatives_of_html(translate_context):
    body = {"q": ["<b>one</b> two"], "format": "html", "alternatives": 2}
    result = translate(translate_context, **body).json()
    assert result["translatedText"] == ["two <b>one</b>"]
    (others,) = result["alternatives"]
    assert len(others) == 2
    assert all(other.count("<b>") == other.count("</b>") == 1 for other in others)


def test_a_document_is_one_text(make_context, translator):
    """Fails if list items count as texts of a request, or together as rows of the queue."""
    context = make_context(texts=8, queue_rows=8)
    context.models.add(translator)
    numbers = range(100, 150)
    shown = translate_html(context, "<ul>" + "".join(f"<li>cat {n}" for n in numbers))
    assert shown == "<ul>" + "".join(f"<li>{n} cat" for n in numbers)
    assert translate(context, q=["one"] * 9).status_code == 400


def test_a_document_has_a_maximum_of_tokens(make_context, translator):
    context = make_context(queue_tokens=800)
    context.models.add(translator)
    response = translate(context, q="<p>one two red" * 100, format="html")
    assert (response.status_code, list(response.json())) == (400, ["error"])
    assert "tokens, the limit is 800" in response.json()["error"]


def test_long_sentences_of_html_are_cut(translate_context):
    """Fails if a menu without punctuation, which is one long sentence, is refused."""
    menu = " ".join(f"<a href={n}>cat</a>" for n in range(40))
    shown = translate_html(translate_context, menu)
    assert shown.count("</a>") == 40
    assert sorted(re.findall("<a.*?>", shown)) == sorted(re.findall("<a.*?>", menu))
    assert len(shown.splitlines()) == 1
    for q, body in (("cat " * 40, {}), ("<p>" + "c" * 100 + " cat", {"format": "html"})):
        assert translate(translate_context, q=q, **body).status_code == 400


def test_cut_sentences():
    text = "one two, three four. five six seven"
    cut = cut_sentences(text, 4)
    assert cut.replace("\u2029", " ") == text
    assert all(len(list(treebank_tokens(line))) <= 4 for line in cut.splitlines())


def test_deep_documents(translate_context):
    """Fails if anything visits markup or JSON by recursion."""
    depth = 100_000
    source = "<b>" * depth + "one two" + "</b>" * depth
    assert translate_html(translate_context, source) == source.replace("one two", "two one")
    body = '{"q": ' + "[" * depth
    for path in ("/translate", "/detect"):
        response = call(translate_context, "POST", path, content=body, headers=JSON)
        assert (response.status_code, list(response.json())) == (400, ["error"])


def test_forms_and_codes_on_every_route(make_context, translator):
    """Fails if a route reads the key or its fields from one kind of form only."""
    context = make_context(api_keys=("secret",))
    context.models.add(translator)
    fields = {"q": "one two", "source": "en-US", "target": "DE_at", "api_key": "secret"}
    for body in (
        {"json": fields},
        {"data": fields},
        {"files": {name: (None, value) for name, value in fields.items()}},
        {"content": json.dumps(fields), "headers": {"content-type": "APPLICATION/JSON;charset=x"}},
    ):
        response = call(context, "POST", "/translate", **body)
        assert (response.status_code, response.json()) == (200, {"translatedText": "two one"})
        for path in ("/languages", "/frontend/settings"):
            assert call(context, "GET", path, **body).status_code == 200
        response = call(context, "POST", "/detect", **body)
        assert "language-id" in response.json()["error"]


@pytest.mark.parametrize("field", ["source", "target"])
def test_unknown_languages(translate_context, field):
    response = translate(translate_context, q="one", **{field: "tlh-private"})
    message = f"/{field}: this language is not supported; there are de, en"
    assert (response.status_code, response.json()) == (400, {"error": message})


def translate_file(context, name, content):
    upload = {"file": (name, content)}
    return call(context, "POST", "/translate_file", data=LANGUAGES, files=upload)


@pytest.mark.parametrize(
    ("name", "content", "media_type", "expected"),
    [
        ("Notes 1.TXT", "one two\r\n\r\n  red 17\n", "text/plain", "two one\r\n\r\n  17 red\n"),
        ("a.html", "\ufeff<p>one <b>two</b>", "text/html", "<p><b>two</b> one"),
        ("empty.txt", "", "text/plain", ""),
    ],
)
def test_files(translate_context, name, content, media_type, expected):
    response = translate_file(translate_context, name, content.encode())
    assert response.status_code == 200, response.text
    ((field, url),) = response.json().items()
    assert (field, url[:26]) == ("translatedFileUrl", "http://test/download_file/")
    fetched = call(translate_context, "GET", url.removeprefix("http://test"))
    assert fetched.content.decode() == expected
    assert fetched.headers["content-type"].startswith(media_type)
    assert fetched.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.docx", b"one", "there are .txt, .html, .htm"),
        ("txt", b"one", "there are .txt, .html, .htm"),
        ("a.txt", b"\xff\xfeo\0n\0", "UTF-8"),
    ],
)
def test_unsupported_files(translate_context, name, content, message):
    response = translate_file(translate_context, name, content)
    assert response.status_code == 400
    assert message in response.json()["error"]


def test_a_file_is_required(translate_context):
    fields = {**LANGUAGES, "file": "one"}
    form = {name: (None, value) for name, value in fields.items()}
    for body in ({"data": fields}, {"files": form}):
        response = call(translate_context, "POST", "/translate_file", **body)
        assert response.status_code == 400
        assert response.json() == {"error": "/file: must be a file in a multipart form"}


@pytest.mark.parametrize("name", ["x" * 22 + ".txt", "..%2f..%2fetc%2fpasswd", "%00"])
def test_other_files_cannot_be_fetched(context, name):
    assert call(context, "GET", f"/download_file/{name}").status_code == 404


def test_kept_files_expire_and_have_a_maximum(monkeypatch, tmp_path):
    monkeypatch.setenv(files.FILES_FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(files, "_MAX_BYTES", 10)
    kept = files.TranslatedFiles()
    name = kept.add("a b/\xe4.txt", b"12345678")
    assert files.TranslatedFiles().get(name) == b"12345678"
    with pytest.raises(Problem) as caught:
        kept.add("b.txt", b"123")
    assert (caught.value.status, caught.value.headers) == (429, {"retry-after": "60"})
    monkeypatch.setattr(files, "_SECONDS", -1)
    kept.add("b.txt", b"123")
    with pytest.raises(Problem):
        kept.get(name)
