"""Forms, and language codes."""

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.dialects.libretranslate.forms import Upload, parse_multipart, parse_urlencoded
from service.errors import Problem
from service.languages import match_language

TYPE = "multipart/form-data; boundary=XyZ"


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["q", "source", "n\xe4me", 'a"b']), st.text(max_size=20)),
        max_size=4,
    ),
    st.binary(max_size=40),
)
def test_fields_and_files_are_those_that_were_sent(fields, content):
    values = {}
    for name, value in fields:
        values.setdefault(name, []).append(value.encode("utf-8", "replace").decode())
    request = httpx.Request("POST", "http://x", data=values, files={"file": ("t\xe4.txt", content)})
    parsed = parse_multipart(request.read(), request.headers["content-type"])
    assert parsed.pop("file") == Upload("t\xe4.txt", content)
    expected = {name.replace('"', "%22"): v for name, v in values.items()}
    assert parsed == {name: v[0] if len(v) == 1 else v for name, v in expected.items()}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"--XyZ--", "multipart/form-data"),
        (b"--XyZ--", "multipart/form-data; boundary="),
        (b"", TYPE),
        (b"q=1", TYPE),
        (b'--XyZ\r\ncontent-disposition: form-data; name="q"\r\n\r\n1', TYPE),
        (b"--XyZ\r\n\r\n1\r\n--XyZ--", TYPE),
        (b"--XyZ\r\n1\r\n--XyZ--", TYPE),
        (b"--XyZ\r\n" + b"a: b\r\n" * 5000 + b"\r\n1\r\n--XyZ--", TYPE),
        (b"\r\n--XyZ" * 6000, TYPE),
    ],
    ids=lambda value: repr(value[-40:]),
)
def test_malformed_forms_are_rejected(body, content_type):
    with pytest.raises(Problem) as caught:
        parse_multipart(body, content_type)
    assert caught.value.status == 422


def test_forms_have_a_maximum_of_fields():
    with pytest.raises(Problem) as caught:
        parse_urlencoded(b"q=1&" * 6000)
    assert "5000 fields" in caught.value.detail


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"), ("EN", "en"), ("en-US", "en"), ("en_us", "en"), (" De-Latn-AT ", "de"),
        ("pt", "pt-BR"), ("pt-PT", "pt-BR"), ("zh_Hant_TW", "zh-Hant"), ("zh-Hans", "zh"),
        ("zh", "zh"), ("zh-CN", "zh"), ("zh_TW", "zh-Hant"), ("zt", "zh-Hant"), ("pb", "pt-BR"),
        ("cmn", "zh"), ("iw", None), ("fr", None), ("e", None), ("eng", None), ("", None),
        ("-en", None),
    ],
)  # fmt: skip
def test_languages_match_by_their_subtags(tag, language):
    assert match_language(tag, ["en", "de", "zh", "zh-Hant", "pt-BR"]) == language
