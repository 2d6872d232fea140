"""POST /v1/generate through the whole application, and with a real server."""

import asyncio
import json
import time

import httpx
import numpy as np
import pytest

from service.app import make_app
from support.http_calls import SECRET, call, hold_device
from support.made_up_words import WORDS
from support.server import serving

ROUTE = "/v1/generate"


def generate(context, **body):
    return call(context, "POST", ROUTE, json={"seed": 1, **body})


def events(response):
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.text.endswith("\n\n")
    return [json.loads(line.removeprefix("data: ")) for line in response.text.split("\n\n")[:-1]]


def test_the_fields_of_a_response(generate_context):
    response = generate(generate_context, prompt="cat ", max_characters=20)
    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {"model", "text", "finish_reason"}
    assert (answer["model"], answer["finish_reason"]) == ("tiny-generate", "length")
    assert len(answer["text"]) == 20
    assert float(response.headers["x-inference-time"]) > 0


def test_streamed_and_whole_responses_are_the_same_text(generate_context):
    body = {"prompt": "cat ", "max_characters": 50, "stop": ["zz"]}
    whole = generate(generate_context, **body).json()
    response = generate(generate_context, **body, stream=True)
    *stream_chunks, last = events(response)
    assert len(stream_chunks) > 2
    assert {chunk["finish_reason"] for chunk in stream_chunks} == {None}
    assert last["finish_reason"] == "length"
    assert last["model"] == "tiny-generate"
    assert "".join(chunk["text"] for chunk in [*stream_chunks, last]) == whole["text"]
    assert "x-queue-time" in response.headers


def test_details_of_each_character(generate_context):
    """Compares streamed and complete details with those of scoring the same text. Fails if a chunk
    has the details of other characters, or the prompt those of another prompt."""
    body = {
        "prompt": "cat dog ", "max_characters": 50, "stop": ["zz"], "cells": [31, 0], "echo": True,
        "log_probabilities": True, "top_log_probabilities": 2,
    }  # fmt: skip
    whole = generate(generate_context, **body).json()
    served = generate_context.models["tiny-generate"]
    options = {name: body[name] for name in ("cells", "log_probabilities", "top_log_probabilities")}
    text = body["prompt"] + whole["text"]
    (scored,) = served.predictor.predict_rows([{"text": text}], **options)
    stream_chunks = events(generate(generate_context, **body, stream=True))
    assert [chunk["text"] for chunk in stream_chunks if "prompt" in chunk] == [
        stream_chunks[0]["text"]
    ]
    for name in ("log_probabilities", "activations"):
        axis = 1 if name == "activations" else 0
        for parts in ([whole], stream_chunks):
            values = np.concatenate([parts[0]["prompt"][name], *(p[name] for p in parts)], axis)
            np.testing.assert_allclose(values, scored[name], atol=1e-3)
    assert sum(len(chunk["top_log_probabilities"]) for chunk in stream_chunks) == 50
    for char, likelihood, top in zip(
        whole["text"], whole["log_probabilities"], whole["top_log_probabilities"], strict=True
    ):
        assert list(top.values()) == sorted(top.values(), reverse=True)
        assert top.get(char, likelihood) == pytest.approx(likelihood, abs=1e-4)


def test_an_unknown_cell(generate_context):
    response = generate(generate_context, prompt=SECRET, max_characters=2, cells=[32])
    assert (response.status_code, response.json()["code"]) == (422, "unknown_cell")
    assert response.json()["errors"][0]["limit"] == 31
    assert SECRET not in response.text


@pytest.mark.parametrize("stream", [False, True])
def test_a_state_continues_the_text(generate_context, stream):
    body = {"prompt": "cat ", "max_characters": 30, "return_state": True, "stream": stream}
    whole = generate(generate_context, prompt="cat ", max_characters=60).json()["text"]
    first = generate(generate_context, **body)
    answers = events(first) if stream else [first.json()]
    body = {"prompt": "", "state": answers[-1]["state"], "max_characters": 30}
    second = call(generate_context, "POST", ROUTE, json=body).json()
    assert "".join(answer["text"] for answer in answers) + second["text"] == whole


def test_a_state_is_signed_for_its_model_and_its_server(make_context, generator):
    here, there = make_context(), make_context()
    same = [make_context(state_key="one key for all") for _ in range(2)]
    for context in (here, there, *same):
        context.models.add(generator)
    state = generate(here, prompt="cat", return_state=True).json()["state"]
    flipped = state[:-9] + ("A" if state[-9] != "A" else "B") + state[-8:]
    for context, forged in ((there, state), (here, flipped), (here, state[32:]), (here, SECRET)):
        response = generate(context, prompt="", state=forged)
        assert response.status_code == 422
        assert response.json()["code"] == "foreign_state"
        assert response.json()["errors"][0]["pointer"] == "/state"
        assert SECRET not in response.text
    shared = generate(same[0], prompt="cat", return_state=True).json()["state"]
    assert generate(same[1], prompt="", state=shared).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/prompt"),
        ({"prompt": "a", "max_characters": 0}, "/max_characters"),
        ({"prompt": "a", "max_characters": 10**9}, "/max_characters"),
        ({"prompt": "a", "temperature": -1}, "/temperature"),
        ({"prompt": "a", "temperature": 11}, "/temperature"),
        ({"prompt": "a", "temperature": "hot"}, "/temperature"),
        ({"prompt": "a", "top_p": 0}, "/top_p"),
        ({"prompt": "a", "top_k": 0}, "/top_k"),
        ({"prompt": "a", "seed": -1}, "/seed"),
        ({"prompt": "a", "stop": [""]}, "/stop/0"),
        ({"prompt": "a", "stop": ["a"] * 5}, "/stop"),
        ({"prompt": "a", "state": ""}, "/state"),
        ({"prompt": "a", "state": "a" * 300_000}, "/state"),
        ({"prompt": "a", "loud": True}, "/loud"),
        ({"prompt": "a" * 301}, "/prompt"),
        ({"prompt": "a\ud800"}, "/prompt"),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("stream", [False, True])
def test_invalid_requests_are_refused_before_a_stream_begins(
    generate_context, body, pointer, stream
):
    sent = json.dumps({**body, "stream": stream}).encode()
    headers = {"content-type": "application/json"}
    response = call(generate_context, "POST", ROUTE, content=sent, headers=headers)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"][0]["pointer"] == pointer


def test_unknown_characters_are_reported(generate_context):
    answer = generate(generate_context, prompt="cat é", max_characters=3).json()
    assert answer["unknown_characters"] == 1


def test_a_full_queue_refuses_a_stream_with_its_status(make_context, generator, monkeypatch):
    context = make_context(queue_rows=1, texts=1)
    context.models.add(generator)
    hold = hold_device(monkeypatch, generator)

    async def go():
        transport = httpx.ASGITransport(make_app(context))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            body = {"prompt": "cat ", "max_characters": 8, "stream": True}
            running = asyncio.create_task(client.post(ROUTE, json=body))
            await asyncio.to_thread(hold.entered.wait)
            waiting = asyncio.create_task(client.post(ROUTE, json=body))
            while context.admission.limits.total.texts < 1:
                await asyncio.sleep(0)
            refused = await client.post(ROUTE, json=body)
            hold.released.set()
            return refused, [await running, await waiting]

    refused, served = asyncio.run(go())
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert [response.status_code for response in served] == [200, 200]


def test_a_deadline_within_a_stream_is_an_event(make_context, generator, monkeypatch):
    """The error is the last event of the stream. Fails if the stream seems complete."""
    context = make_context(deadline=0.3)
    context.models.add(generator)
    response = generate(context, prompt="cat ", max_characters=8192, stream=True)
    assert response.status_code == 200
    *_, last = response.text.split("\n\n")[:-1]
    kind, data = last.split("\n")
    assert kind == "event: error"
    assert json.loads(data.removeprefix("data: "))["code"] == "deadline"


def test_a_defect_within_a_stream_is_an_event_without_internals(
    generate_context, generator, monkeypatch, caplog
):
    real, calls = generator.predictor.run, []

    def broken(*arguments):
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError(f"/secret/path {SECRET}")
        return real(*arguments)

    monkeypatch.setattr(generator.predictor, "run", broken)
    response = generate(generate_context, prompt="cat ", max_characters=80, stream=True)
    assert response.status_code == 200
    *stream_chunks, last = response.text.split("\n\n")[:-1]
    assert stream_chunks
    assert last.startswith("event: error\n")
    assert '"internal"' in last
    assert "secret" not in response.text
    assert SECRET in caplog.text, "the traceback is in the log"


def test_many_streams_share_batches(generate_context, generator, monkeypatch):
    """Fails if streams run one after the other."""
    hold = hold_device(monkeypatch, generator)
    hold.released.set()

    async def go():
        transport = httpx.ASGITransport(make_app(generate_context))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            bodies = [{"prompt": w, "max_characters": 64, "seed": 1} for w in WORDS]
            return await asyncio.gather(*(client.post(ROUTE, json=body) for body in bodies))

    together = [response.json() for response in asyncio.run(go())]
    assert max(hold.ran) == 8
    assert len(hold.ran) < 4 * 8
    for word, answer in zip(WORDS, together, strict=True):
        assert generate(generate_context, prompt=word, max_characters=64).json() == answer


@pytest.mark.process
def test_a_client_that_leaves_frees_its_slot(generate_bundle):
    """Closes a connection to a real server in the middle of a stream."""
    with serving("--models", str(generate_bundle)) as server, server.client() as client:
        body = {"prompt": "cat ", "max_characters": 8192, "stream": True}
        with client.stream("POST", ROUTE, json=body) as response:
            next(response.iter_text())

        def metric(name):
            lines = client.get("/metrics").text.splitlines()
            return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

        end = time.monotonic() + 120
        while not metric('textrnn_rejected_total{reason="left_or_late"}'):
            assert time.monotonic() < end, "the server still generates for a disconnected client"
        assert metric("textrnn_queue_depth") == 0
        assert metric("textrnn_batch_rows_count") < 8192 / 8
        assert "failed" not in "".join(server.lines)
        assert server.stop() == 0
