"""The server as a process: start, signals, drain, replacement of models."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest

from support.replacing import change_temperature, classify, score_of
from support.server import Server, serving

pytestmark = pytest.mark.process

ROUTE = "/v1/classify"


@pytest.fixture
def copy(tiny_bundle, tmp_path):
    return shutil.copytree(tiny_bundle, tmp_path / "copy")


def test_serves_and_exits_with_0(tiny_bundle):
    with serving("--models", str(tiny_bundle)) as server, server.client() as client:
        assert client.get("/readyz").json() == {"status": "ready"}
        assert classify(client).json()["results"][0]["label"] == "friendly"
        assert server.stop() == 0
        assert "draining" in server.lines


def test_is_not_ready_before_warm_up(translate_bundle, tmp_path):
    """Fails if the readiness probe succeeds while the server still compiles: a translator without
    any compiled programs, which takes seconds."""
    cache = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    server = Server("--models", str(translate_bundle), **cache)
    try:
        statuses = []
        with server.client() as client:
            while 200 not in statuses:
                statuses.append(client.get("/readyz").status_code)
                assert client.get("/healthz").status_code == 200
        assert set(statuses) == {503, 200}
    finally:
        server.end()


def test_sigterm_during_load_loses_no_accepted_request(tiny_bundle):
    """Clients send requests while the server drains. Each response is a 200, or a 503 before any
    work; fails if a connection is closed during a request."""
    outcomes: list[int | str] = []
    with serving("--models", str(tiny_bundle)) as server:
        enough = threading.Event()

        def ask():
            with server.client() as client:
                while True:
                    try:
                        outcomes.append(classify(client, "word " * 50).status_code)
                    except httpx.ConnectError:
                        return  # the server has stopped listening
                    except httpx.HTTPError as error:
                        outcomes.append(repr(error))
                        return
                    if outcomes[-1] == 503:
                        return
                    if len(outcomes) > 100:
                        enough.set()

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        assert server.stop() == 0
        for thread in threads:
            thread.join(60)
    assert set(outcomes) <= {200, 503}
    assert outcomes.count(200) > 100


def test_a_second_sigterm_stops_at_once(tiny_bundle):
    """A request that never arrives completely delays the drain, but not after a second signal."""
    with serving("--models", str(tiny_bundle)) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(
                b"POST /v1/classify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                b"content-length: 100\r\n\r\n{"
            )
            with server.client() as client:  # the slow request is in the server by now
                assert classify(client).status_code == 200
            server.process.send_signal(signal.SIGTERM)
            server.wait_for("draining")
            assert server.process.poll() is None
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(60) == 0
            server.wait_for("stopping at once")


def test_sighup_replaces_a_model(copy, tiny_run):
    """Fails if the old weights stay in use, or a request fails during the replacement."""
    with serving("--models", str(copy)) as server, server.client() as client:
        before = score_of(client)
        change_temperature(copy, 30.0)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("tiny: replaced")
        assert 0.5 < score_of(client) < 0.6 < before


def test_a_broken_replacement_leaves_the_old_model_serving(copy):
    with serving("--models", str(copy)) as server, server.client() as client:
        before = score_of(client)
        (copy / "weights.safetensors").write_bytes(b"nonsense")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("tiny: the old one stays")
        assert score_of(client) == pytest.approx(before, abs=1e-4)
        assert client.get("/readyz").status_code == 200
        assert server.stop() == 0


def failing(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "textrnn", "serve", *arguments], capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr.splitlines()


def test_a_port_in_use_is_one_clear_line(tiny_bundle):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, lines = failing("--models", str(tiny_bundle), "--port", str(port))
    assert status == 1
    assert lines == [
        f"textrnn: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "choose another with --host and --port"
    ]


def test_a_model_that_fails_its_probe_is_not_served(copy):
    """Fails if a server becomes ready with a model whose answers have changed."""
    info = json.loads((copy / "bundle.json").read_text())
    info["config"]["temperature"] = 30.0
    (copy / "bundle.json").write_text(json.dumps(info))
    status, lines = failing("--models", str(copy), "--port", "0")
    assert status == 1
    assert "the answer to a probe differs from the one recorded" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--models", "no-such-model"], "no model 'no-such-model'"),
        (["--models", "BUNDLE", "--models", "BUNDLE"], "two models are named 'tiny'"),
        (["--host", "256.0.0.1"], "cannot listen on 256.0.0.1"),
    ],
)
def test_a_server_that_cannot_start_prints_one_clear_line(tiny_bundle, arguments, reason):
    arguments = [str(tiny_bundle) if a == "BUNDLE" else a for a in arguments]
    status, lines = failing("--port", "0", *arguments)
    assert status == 1
    assert reason in lines[-1]
    assert not any("Traceback" in line for line in lines)


def test_a_ready_server_answers_for_every_model(tiny_bundle, tag_bundle, tmp_path):
    """Fails if the server is ready with the default of each task only."""
    second = shutil.copytree(tiny_bundle, tmp_path / "second")
    text = (second / "bundle.json").read_text()
    (second / "bundle.json").write_text(text.replace('"name": "tiny"', '"name": "second"', 1))
    models = [str(tiny_bundle), str(second), str(tag_bundle)]
    with (
        serving(*(part for name in models for part in ("--models", name))) as server,
        server.client() as client,
    ):
        body = {"text": "a fine film", "model": "second", "explain": True}
        response = client.post(ROUTE, json=body)
        assert response.status_code == 200
        assert response.json()["model"] == "second"
        assert client.post("/v1/tag", json={"text": "Bob"}).json()["model"] == "tiny-tag"
        names = [model["id"] for model in client.get("/v1/models").json()["data"]]
        assert names == ["tiny", "second", "tiny-tag"]
        assert classify(client).json()["model"] == "tiny"
