"""Overload, signals under load, and a short soak, against real servers. The long forms are in
benchmarks/."""

import json
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psutil
import pytest

from benchmarks.load import Plan, offer
from support.data import BAD, GOOD, NEUTRAL
from support.replacing import change_temperature, score_of
from support.server import serving

pytestmark = pytest.mark.process

ROUTE = "/v1/classify"


def port(server):
    return int(server.url.rsplit(":", 1)[1])


def metric(client, name):
    """The sum of a metric over its labels."""
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def wait_until_idle(client):
    """Wait until the texts of abandoned streams have left the queue. The client stays connected."""
    end = time.monotonic() + 60
    while metric(client, "textrnn_queue_depth"):
        assert time.monotonic() < end, "the queue keeps texts"


def test_every_request_under_overload_has_an_outcome(tiny_bundle):
    """Fails if a request is lost, a refusal has no Retry-After, the server does not recover, or
    another client is refused as well, whose address differs."""
    limits = {"TEXTRNN_QUEUE_ROWS": "4", "TEXTRNN_TEXTS": "4"}
    with serving("--models", str(tiny_bundle), **limits) as server, server.client() as client:
        bodies = [json.dumps({"text": f"{word} film " * 20}) for word in GOOD + BAD]
        plan = Plan(port(server), ROUTE, bodies, rate=3000, seconds=0.5)
        light = httpx.HTTPTransport(local_address="127.0.0.2")
        with (
            ThreadPoolExecutor() as pool,
            httpx.Client(base_url=server.url, timeout=60, transport=light) as other,
        ):
            offered = pool.submit(offer, plan)
            statuses = []
            while not offered.done():
                statuses.append(other.post(ROUTE, json={"text": "fine"}).status_code)
            outcome = offered.result()
        assert set(statuses) == {200}
        assert outcome.balanced
        assert outcome.left == outcome.lost == outcome.bare_refusals == 0
        assert set(outcome.statuses) == {"200", "429"}
        assert outcome.sent == outcome.answered + outcome.refused > 1000
        assert metric(client, "textrnn_rejected_total") == outcome.refused
        assert client.post(ROUTE, json={"text": "a fine film"}).status_code == 200
        assert metric(client, "textrnn_queue_depth") == 0


@contextmanager
def asking(server, clients, ask):
    """Clients that send requests until the end. Yields the list of outcomes of each client; the
    first failure ends a client."""
    seen: list[list] = [[] for _ in range(clients)]
    over, enough = threading.Event(), threading.Event()

    def client_of(got):
        with server.client() as client:
            while not over.is_set():
                try:
                    got.append(ask(client))
                except httpx.HTTPError as error:
                    got.append(repr(error))
                if isinstance(got[-1], str):
                    return
                if all(len(each) > 2 for each in seen):
                    enough.set()

    threads = [threading.Thread(target=client_of, args=(got,)) for got in seen]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


def test_replacing_a_model_under_load_fails_no_request(tiny_bundle, few_shapes):
    """Each client receives old answers, then only new ones; a broken replacement changes nothing.
    Fails also if a request is refused during a replacement."""
    copy = few_shapes(tiny_bundle)
    with (
        serving("--models", str(copy)) as server,
        asking(server, 4, lambda client: round(score_of(client), 2)) as seen,
        server.client() as client,
    ):
        old = seen[0][0]
        change_temperature(copy, 30.0)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("tiny: replaced")
        new = round(score_of(client), 2)
        weights = bytearray((copy / "weights.safetensors").read_bytes())
        weights[-1] ^= 1
        (copy / "weights.safetensors").write_bytes(weights)
        server.process.send_signal(signal.SIGHUP)
        reason = server.wait_for("tiny: the old one stays")
        before = [len(got) for got in seen]
        while any(len(got) < least + 3 for got, least in zip(seen, before, strict=True)):
            assert round(score_of(client), 2) == new
    assert "weights.safetensors" in reason
    assert old > new
    for got in seen:
        switch = got.index(new)
        assert got == [old] * switch + [new] * (len(got) - switch)
        assert switch > 0


def test_sigterm_finishes_accepted_requests_and_streams(tiny_bundle, generate_bundle, few_shapes):
    """Under load. Fails if a response is truncated, or a kept-alive connection is closed without a
    503."""

    def ask(client):
        answer = client.post(ROUTE, json={"text": "a fine film " * 5})
        if answer.status_code == 503:
            assert answer.headers["connection"] == "close"
            return "refused"
        assert answer.status_code == 200
        return answer.json()["results"][0]["label"] == "friendly"

    small = [str(few_shapes(bundle)) for bundle in (tiny_bundle, generate_bundle)]
    bundles = ("--models", small[0], "--models", small[1])
    with serving(*bundles) as server, server.client() as client:
        body = {"prompt": "cat ", "max_characters": 1000, "seed": 1, "stream": True}
        with (
            asking(server, 4, ask) as seen,
            client.stream("POST", "/v1/generate", json=body) as stream,
        ):
            lines = stream.iter_lines()
            first = next(lines)
            server.process.send_signal(signal.SIGTERM)
            server.wait_for("draining")
            rest = [line for line in lines if line]
            assert server.process.wait(60) == 0
    events = [json.loads(line.removeprefix("data: ")) for line in [first, *rest]]
    assert sum(len(event["text"]) for event in events) == 1000
    assert events[-1]["finish_reason"] == "length"
    for got in seen:
        *answers, last = got
        assert answers == [True] * len(answers)
        assert last == "refused" or "ConnectError" in last


def test_a_short_soak_leaks_no_resources(tiny_bundle, tag_bundle, generate_bundle, few_shapes):
    """Random lengths and tasks, and abandoned streams. Fails if requests leak threads, file
    descriptors, connections or memory."""
    draw = random.Random(0)

    def words():
        return " ".join(draw.choices(NEUTRAL + GOOD + BAD, k=draw.randint(1, 12)))

    def some(client, count):
        for number in range(count):
            task = ("classify", "tag", "generate", "stream")[number % 4]
            if task in ("classify", "tag"):
                texts = [words() for _ in range(draw.randint(1, 8))]
                answer = client.post(f"/v1/{task}", json={"texts": texts})
                assert len(answer.json()["results"]) == len(texts)
                continue
            most = draw.randint(1, 60)
            body = {"prompt": "cat ", "max_characters": most}
            if task == "generate":
                answer = client.post("/v1/generate", json=body).json()
                assert answer["finish_reason"] == "stop" or len(answer["text"]) == most
                continue
            body = {**body, "max_characters": 500, "stream": True}
            with client.stream("POST", "/v1/generate", json=body) as stream:
                assert next(stream.iter_lines())

    paths = [few_shapes(path) for path in (tiny_bundle, tag_bundle, generate_bundle)]
    with (
        serving(*(part for path in paths for part in ("--models", str(path)))) as server,
        server.client() as client,
    ):
        process = psutil.Process(server.process.pid)
        some(client, 40)
        wait_until_idle(client)
        threads, files = process.num_threads(), process.num_fds()
        memory = process.memory_info().rss
        some(client, 120)
        wait_until_idle(client)
        assert process.num_threads() <= threads
        assert process.num_fds() <= files
        assert process.memory_info().rss < memory + 64 * 2**20
        assert server.stop() == 0
