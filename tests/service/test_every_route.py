"""What holds for every route of every dialect: methods, paths, encodings, bodies, keys and CORS."""

import asyncio
import gzip
import json
import random
import socket
import tracemalloc
from urllib.parse import urlencode

import pytest

from service.app import DIALECTS, make_app
from service.dialect import dialect_of
from service.transport.routes import dialect_routes
from support.in_process import ask
from support.route_requests import BODIES, JSON, METHODS, NO_FILE, PAGES, whole

KEY = "a-key-of-mine"
ORIGIN = "https://a.example"
SECRET = "zq7privatewords"


def test_every_route_is_tested_here():
    """Fails if a route is added, but neither to PAGES nor to BODIES."""
    for route in dialect_routes(DIALECTS):
        paths = BODIES if route.methods == {"POST"} else PAGES
        assert any(route.path_regex.fullmatch(path) for path in paths), route.path


def test_methods(app):
    """HEAD is GET without the body, OPTIONS lists the methods, and a method that a path does not
    have is a 405 that lists them: whatever the media type or the body of the request."""

    async def go():
        for path in (*PAGES, *BODIES):
            expected = {"GET", "HEAD", "OPTIONS"} if path in PAGES else {"POST", "OPTIONS"}
            listed = await ask(app, "OPTIONS", path)
            assert (listed.status, listed.body) == (204, b"")
            assert set(listed.headers["allow"].split(", ")) == expected
            for method in METHODS:
                for headers, body in ((JSON, b"{}"), ({"content_type": "a/b"}, b"<"), ({}, b"")):
                    got = await ask(app, method, path, body, **headers)
                    if method in expected:
                        assert got.status != 405
                    else:
                        assert got.status == 405, (method, path)
                        assert got.headers["allow"] == listed.headers["allow"]
            if path in PAGES:
                head, get = await ask(app, "HEAD", path), await ask(app, "GET", path)
                status = 404 if path == NO_FILE else 200
                assert (head.status, head.body, get.status) == (status, b"", status)
                for name in ("content-type", "content-length", "etag", "x-content-type-options"):
                    if path != "/metrics" or name != "content-length":  # it counts the requests
                        assert head.headers.get(name) == get.headers.get(name), (path, name)
        for method in METHODS:
            assert (await ask(app, method, "/nope", b"{}", **JSON)).status == 404

    asyncio.run(go())


def test_a_slash_too_many_is_redirected_without_a_host(app):
    """Fails if the host, or anything but the last part of the path, is taken from the request."""

    async def go():
        for path in (*PAGES[1:], *BODIES):
            method = "GET" if path in PAGES else "POST"
            got = await ask(app, method, f"{path}/?a=b", b"{}", **JSON, host="evil.example")
            assert (got.status, got.body) == (307, b""), path
            assert got.headers["location"] == f"../{path.rpartition('/')[2]}?a=b"
        for path in (
            "//evil.example/",
            "/nope/",
            "/v1/",
            "/\\evil.example/",
            "/v1/classify//",
        ):
            got = await ask(app, "GET", path, host="evil.example")
            assert (got.status, got.headers.get("location")) == (404, None), path
        hostile = await ask(app, "GET", "/models/a\r\nset-cookie: b=c/info/")
        assert "\n" not in hostile.headers.get("location", "")

    asyncio.run(go())


def test_gzip(make_tiny_app):
    """Bodies that are packed are answered like those that are not, and limited by what they unpack
    to. Fails if a small body can fill the memory."""
    app = make_tiny_app(body_bytes=100_000)
    bomb = gzip.compress(b" " * 50_000_000)

    async def go():
        for path, body in BODIES.items():
            sent = whole(body)
            plain = await ask(app, "POST", path, sent, **JSON)
            packed = gzip.compress(sent)
            for parts in (
                packed,
                [packed[:7], packed[7:]],
                [packed[i : i + 1] for i in range(len(packed))],
            ):
                got = await ask(app, "POST", path, parts, **JSON, content_encoding="gzip")
                assert (got.status, untimed(path, got)) == (plain.status, untimed(path, plain))
            for large in (bomb, gzip.compress(random.Random(0).randbytes(100_001))):
                got = await ask(app, "POST", path, large, **JSON, content_encoding="GZIP")
                assert got.status == 413
                assert b"100000 bytes" in got.body
            for broken in (
                sent,
                packed[:-1],
                packed + b"a",
                packed * 2,
                b"\x1f\x8b",
                packed[:20] + b"\0" * 40,
            ):
                got = await ask(app, "POST", path, broken, **JSON, content_encoding="gzip")
                assert got.status in (400, 422), broken
                assert b"gzip" in got.body
            for encoding in ("br", "deflate", "gzip, gzip", "zstd", "nonsense"):
                got = await ask(app, "POST", path, packed, **JSON, content_encoding=encoding)
                assert got.status == 415
                assert got.headers["accept-encoding"] == "gzip"
                assert b"content-encoding: gzip" in got.body

    asyncio.run(go())


def untimed(path, got):
    """The body of a response without the parts that differ between equal requests."""
    body = got.json()
    return (
        {k: v for k, v in body.items() if k not in ("id", "created", "request_id")}
        if isinstance(body, dict)
        else body
    )


def test_media_types(app):
    """Each media type is taken or a 415 that says which are. Fails if a form is a 5xx."""

    async def go():
        for path, body in BODIES.items():
            taken = dialect_of(path, DIALECTS).content_types
            form = urlencode(body, doseq=True).encode()
            boundary = b'--b\r\ncontent-disposition: form-data; name="q"\r\n\r\na\r\n--b--\r\n'
            for media_type, sent in (
                ("application/json; charset=utf-8", whole(body)), ("APPLICATION/JSON", whole(body)),
                ("application/x-www-form-urlencoded", form), ("text/plain", form), ("", form),
                ("multipart/form-data; boundary=b", boundary), ("application/xml", b"<a/>"),
                ("application/json", form), ("application/x-www-form-urlencoded", whole(body)),
            ):  # fmt: skip
                got = await ask(app, "POST", path, sent, content_type=media_type)
                assert got.status < 500, (path, media_type)
                known = media_type.partition(";")[0].lower() in taken
                assert (got.status == 415) == (not known), (path, media_type)
                assert known or all(name.encode() in got.body for name in taken)

    asyncio.run(go())


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b'{"text": "a",}', "at line 1, column 14"),
        (b'{\n "text" "a"}', "expecting ':' delimiter at line 2, column 9"),
        (b'{"text": "a', "unterminated string starting at line 1, column 10"),
        (b"{'text': 'a'}", "expecting property name enclosed in double quotes at line 1, column 2"),
        (b'{"text": NaN}', "NaN is no number in JSON"),
        (b'{"text": "\xff"}', "byte 11 is not UTF-8"),
        (b'{"top_k": ' + b"1" * 5000 + b"}", "a number has too many digits"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"text":' * 20_000, "it is nested too deeply"),
        (b'{"inputs": "a", "q": "a", "prompt": ' + b"[" * 1500 + b"]" * 1500 + b"}", "nested"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_not_json_is_said_in_plain_words(app, sent, reason):
    async def go():
        for path in BODIES:
            got = await ask(app, "POST", path, sent, **JSON)
            assert got.status in (400, 422)
            if not sent and dialect_of(path, DIALECTS).key_in_body:
                continue  # no body stands for a form without fields
            assert "the body is not valid JSON: " in got.body.decode()
            message = json.dumps(reason)[1:-1]
            assert message in got.body.decode(), got.body

    asyncio.run(go())


def test_the_key_comes_first(make_tiny_app):
    """Without a key every request is a 401, whatever is wrong with its path, its method or its
    body. Fails if a body is looked at before, or the error says what there is."""
    app = make_tiny_app(api_keys=KEY)
    bodies = (b"", b"[" * 100_000, b"\xff", b'{"q": "a"}')

    async def go():
        for path in (*BODIES, *PAGES, "/nope", "/v1/classify/"):
            if path in ("/healthz", "/readyz", "/metrics", NO_FILE):
                continue  # public, or the name of the file is the key
            refused = 403 if dialect_of(path, DIALECTS).key_in_body else 401
            for method in ("POST", "GET", "HEAD", "PUT", "OPTIONS"):
                in_body = refused == 403
                if in_body and method not in (("GET", "HEAD") if path in PAGES else ("POST",)):
                    continue  # the path has no such method, and takes the key from the body
                for body in bodies:
                    got = await ask(app, method, path, body, **JSON)
                    assert got.status == refused, (method, path, body[:9])
        for path in BODIES:
            got = await ask(app, "POST", path, b"[" * 100_000, **JSON, authorization=KEY)
            assert got.status in (400, 422), "a key without a scheme is accepted"
            got = await ask(app, "POST", path, b"{}", **JSON, authorization=f"DeepL-Auth-Key {KEY}")
            assert got.status in (401, 403)
            assert b"Authorization: Bearer KEY" in got.body

    asyncio.run(go())


def test_pages_of_other_origins_can_read_every_refusal(make_tiny_app, make_context):
    """Fails if a refusal has no header of CORS, so that a page sees a network error instead."""
    keyed = make_tiny_app(api_keys=KEY, cors_origins=ORIGIN)
    small = make_tiny_app(body_bytes=1, cors_origins=ORIGIN)
    context = make_context(cors_origins=ORIGIN)
    context.readiness.warm = False
    starting = make_app(context)

    async def go():
        for path in (*BODIES, *PAGES, "/nope"):
            for app, method, headers in (
                (keyed, "POST", JSON), (keyed, "GET", {}), (keyed, "PUT", {}), (small, "PUT", {}),
                (small, "POST", JSON), (small, "POST", {"content_type": "a/b"}),
                (small, "POST", {**JSON, "content_encoding": "br"}), (starting, "POST", JSON),
            ):  # fmt: skip
                got = await ask(app, method, path, b"{}", **headers, origin=ORIGIN)
                assert got.headers.get("access-control-allow-origin") == ORIGIN, (method, path)
                assert "retry-after" in got.headers["access-control-expose-headers"]
                other = await ask(app, method, path, b"{}", **headers, origin="https://b.example")
                assert "access-control-allow-origin" not in other.headers
                asked = {"origin": ORIGIN, "access_control_request_method": "POST"}
                assert (await ask(app, "OPTIONS", path, **asked)).status == 200

    asyncio.run(go())


def test_errors_are_short(app):
    """Fails if an error repeats a name or a path from the request at its length, lists each of
    very many faults, or repeats a text."""
    long = "n" * 30_000
    many = {f"{number:06}{long[:100]}": 1 for number in range(2000)}
    prompts = {"model": "tiny-generate"}
    bodies = [
        {long: 1},
        many,
        {"inputs": "a", "parameters": many},
        {**prompts, "logit_bias": many},
        {"texts": [1] * 50_000},
        {"inputs": [1] * 50_000},
        {"q": [1] * 50_000, "source": "en", "target": "de"},
        {**prompts, "prompt": [None] * 50_000},
        {**prompts, "prompt": [-1] * 50_000},
        {"text": SECRET, "model": long},
        {"q": SECRET, "source": long, "target": long},
    ]

    async def go():
        for path in BODIES:
            for body in bodies:
                got = await ask(app, "POST", path, whole(body), **JSON)
                assert got.status in (200, 400, 404, 422)
                assert got.status == 200 or len(got.body) < 6000, (path, got.body[:200])
                assert SECRET.encode() not in got.body
        for path in (
            f"/{long}",
            f"/v1/models/{long}",
            f"/models/{long}/info",
            "/\U0001f44d" * 9000,
        ):
            for method in ("GET", "POST", "PUT"):
                got = await ask(app, method, path, b"{}", **JSON)
                assert got.status in (404, 405)
                assert len(got.body) < 3000

    asyncio.run(go())


def test_many_faults_take_little_memory(app):
    """Fails if each of the invalid values of a body is described: a megabyte would take 300."""
    sent = whole({"texts": [1] * 100_000})
    tracemalloc.start()
    try:
        got = asyncio.run(ask(app, "POST", "/v1/classify", sent, **JSON))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert got.status == 422
    assert "100000 invalid values" in got.json()["detail"]
    assert peak < 20 * len(sent)


def test_known_routes_are_named_in_metrics(make_tiny_app, make_context):
    """Fails if a refusal is counted, or logged, as one of no known route."""
    context = make_context(api_keys=KEY)
    context.readiness.warm = False
    app = make_app(context)

    async def go():
        for path in (*BODIES, *PAGES):
            for key in ("", KEY):
                for method in ("GET", "POST", "PUT"):
                    await ask(app, method, path, b"{}", x_api_key=key)

    asyncio.run(go())
    metrics = context.metrics.render().decode()
    assert "unmatched" not in metrics
    for route in dialect_routes(DIALECTS):
        assert f'route="{route.path}",status="40' in metrics


@pytest.mark.parametrize("blank", [" ", "\n\t ", "\u3000", "\u00a0\u2003", " " * 5000])
def test_white_space_alone_is_refused_alike(make_context, tagger, translator, detector, blank):
    """By every model on every route, that of characters included. LibreTranslate returns it."""
    context = make_context()
    for model in (tagger, translator, detector):
        context.models.add(model)
    app = make_app(context)
    requests = [
        ("/v1/tag", "tiny-tag"), ("/v1/translate", "tiny-translate"),
        ("/v1/classify", "tiny"), ("/v1/classify", "language-id"), ("/v1/detect", "language-id"),
    ]  # fmt: skip

    async def go():
        messages = set()
        for path, model in requests:
            for body, pointer in (
                ({"text": blank}, "/text"), ({"texts": ["a", blank]}, "/texts/1"),
            ):  # fmt: skip
                got = await ask(app, "POST", path, whole({**body, "model": model}), **JSON)
                assert (got.status, got.json()["code"]) == (422, "empty"), (model, got.body)
                messages.add(got.json()["detail"].removeprefix(pointer))
            for inputs, pointer in ((blank, "/inputs"), (["a", blank], "/inputs/1")):
                got = await ask(app, "POST", f"/models/{model}", whole({"inputs": inputs}), **JSON)
                assert got.status == 422
                messages.add(got.json()["error"].removeprefix(pointer))
        assert messages == {": text is empty: it has no visible character"}

    asyncio.run(go())


def test_a_server_resets_no_connection(server):
    """Every route with every method, forms, gzip and chunks, over one connection each. Fails if a
    response is missing, or the connection ends without one."""
    host, port = server.url.removeprefix("http://").rsplit(":", 1)
    packed = gzip.compress(b'{"text": "a fine film"}')
    json_type = b"content-type: application/json\r\n"
    contents = [
        (json_type + b"content-length: 2\r\n", b"{}"),
        (json_type + b"content-encoding: gzip\r\ncontent-length: %d\r\n" % len(packed), packed),
        (json_type + b"transfer-encoding: chunked\r\n", b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
        (b"content-type: application/x-www-form-urlencoded\r\ncontent-length: 3\r\n", b"q=a"),
        (b"content-type: a/b\r\ncontent-encoding: br\r\ncontent-length: 3\r\n", b"\xff\0\n"),
    ]
    for path in (*PAGES, *BODIES, "/nope", "*", "http://a.example/healthz"):
        with (
            socket.create_connection((host, int(port)), timeout=60) as connection,
            connection.makefile("rb") as file,
        ):
            for method in METHODS:
                for head, body in contents:
                    line = f"{method} {path} HTTP/1.1\r\nhost: x\r\n".encode()
                    connection.sendall(line + head + b"\r\n" + body)
                    status, headers = read_head(file)
                    assert 200 <= status < 500, (method, path, head, status)
                    length = 0 if method == "HEAD" else int(headers.get("content-length", 0))
                    assert len(file.read(length)) == length


def read_head(file) -> tuple[int, dict[str, str]]:
    status = int(file.readline().split()[1])
    headers = {}
    while line := file.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return status, headers
