"""The log: a line for each request, in two formats, without private data."""

import io
import json
import logging
import signal
import socket

import httpx
import pytest

from service.observe import logs
from service.settings import Settings
from support.http_calls import ROUTE, SECRET, call, classify
from support.server import serving


@pytest.fixture
def configure(monkeypatch):
    """Sets up logging as a server does, and returns the stream of its output."""
    root, ours = logging.getLogger(), logging.getLogger("textrnn")
    before = root.handlers[:], root.level, ours.level

    def configure(**settings) -> io.StringIO:
        stream = io.StringIO()
        monkeypatch.setattr("sys.stderr", stream)
        for handler in root.handlers[:]:  # pytest's own would be closed
            root.removeHandler(handler)
        logs.configure(Settings(**settings))
        return stream

    yield configure
    logging.captureWarnings(False)
    root.handlers[:], root.level, ours.level = before
    ours.manager._clear_cache()  # type: ignore[attr-defined]


def lines_of(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_request_is_one_object(context, configure):
    stream = configure(log_format="json")
    response = classify(context, texts=["fine", "poor"])
    (line,) = lines_of(stream)
    assert line["time"].endswith("Z")
    assert line.pop("time") > "2026"
    assert line.pop("duration_ms") > 0
    assert line == {
        "level": "info",
        "logger": "textrnn.requests",
        "message": f"POST {ROUTE} 200",
        "request_id": response.headers["x-request-id"],
        "method": "POST",
        "route": ROUTE,
        "status": 200,
        "queue_ms": float(response.headers["x-queue-time"]),
        "inference_ms": float(response.headers["x-inference-time"]),
        "task": "classify",
        "model": "tiny",
        "texts": 2,
    }


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_line_contains_client_data(make_context, configure, log_format):
    """Fails if a text, a path, a query, a key or an address gets into the log, at any level."""
    stream = configure(log_format=log_format, log_level="debug")
    context = make_context(api_keys="right")
    for key in ("right", SECRET):
        headers = {"x-api-key": key, "x-request-id": f"{SECRET} ", "x-forwarded-for": SECRET}
        call(context, "POST", ROUTE, json={"text": SECRET}, headers=headers)
        call(context, "POST", ROUTE, json={"text": SECRET, "model": SECRET}, headers=headers)
        call(context, "GET", f"/{SECRET}?{SECRET}={SECRET}", headers=headers)
        call(context, "GET", f"/v1/models/{SECRET}", headers=headers)
    written = stream.getvalue()
    assert written.count("\n") == 8
    assert SECRET not in written
    assert "right" not in written
    assert "127.0.0.1" not in written
    assert "unmatched" in written


def test_health_and_metrics_are_logged_at_debug_only(context, configure):
    for level, expected in (("info", 0), ("debug", 3), ("warning", 0)):
        stream = configure(log_level=level)
        for path in ("/healthz", "/readyz", "/metrics"):
            call(context, "GET", path)
        assert stream.getvalue().count("\n") == expected
    stream = configure(log_level="warning")
    classify(context, text="fine")
    assert stream.getvalue() == ""


def test_a_defect_is_one_object_with_its_traceback(context, served, monkeypatch, configure):
    """Fails if a traceback is split into several lines, which a collector cannot join."""
    stream = configure(log_format="json")

    def broken(*_, **__):
        raise RuntimeError("out of order")

    monkeypatch.setattr(served.predictor, "run", broken)
    assert classify(context, text="fine").status_code == 500
    failed = [line for line in lines_of(stream) if line["level"] == "error"]
    assert failed
    for line in failed:
        assert line["traceback"].startswith("Traceback")
        assert "RuntimeError: out of order" in line["traceback"]


def test_text_is_the_message_alone(configure):
    stream = configure()
    logs.logger.info("draining")
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    assert stream.getvalue() == "draining\nInvalid HTTP request received.\n"


@pytest.mark.process
def test_a_server_logs_objects_alone(tiny_bundle):
    """From the start to the end, warnings of uvicorn included."""
    with serving("--models", str(tiny_bundle), "--log-format", "json") as server:
        url = json.loads(server.wait_for("listening on"))["message"].rsplit(" ", 1)[1]
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as broken:
            broken.sendall(b"nonsense\r\n\r\n")
            assert b"400" in broken.recv(1000)
        with httpx.Client(base_url=url) as client:
            assert client.get("/v1/models").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        server.wait_for("<end>")
        lines = [json.loads(line) for line in server.lines[:-1]]
    messages = [line["message"] for line in lines]
    assert messages[0].startswith("textrnn ")
    assert messages[1].startswith("loaded tiny")
    assert messages[-1] == "draining"
    loggers = {line["logger"] for line in lines}
    assert loggers == {"textrnn.service", "textrnn.requests", "uvicorn.error"}
