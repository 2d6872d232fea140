"""Models that are replaced again and again while they serve."""

import asyncio
import gc
import json
import weakref

import httpx

from service.app import make_app
from service.inference.context import ServiceContext
from service.inference.lifecycle import Lifecycle
from service.inference.models import load_model
from service.observe.metrics import ServiceMetrics
from service.settings import Settings
from support.compilations import compilations
from support.http_calls import ROUTE
from support.log_watch import expecting
from support.replacing import change_temperature

RELOADS = 10
EACH = 15
"""Requests of each kind that are sent during a reload."""
TEMPERATURES = (30.0, 1.0)
LOAD = [
    ("/v1/tag", {"text": "Ada Lovelace met Bob in Rome .", "marginals": True}),
    (ROUTE, {"texts": ["a fine film", "an awful plot " * 20]}),
    ("/v1/generate", {"prompt": "cat ", "max_characters": 100, "seed": 1}),
]


def test_ten_reloads_under_load_leave_answers_programs_and_memory_as_they_were(
    tiny_bundle, tag_bundle, generate_bundle, few_shapes
):
    """Between two versions of one of three models. Fails if a version answers otherwise when it
    comes back, if its programs are compiled once more, or if versions that were replaced are kept.
    """
    copy = few_shapes(tag_bundle)
    context = ServiceContext(Settings(), ServiceMetrics())
    loaded = [load_model(str(path)) for path in (copy, tiny_bundle, generate_bundle)]
    list(map(context.models.add, loaded))
    lifecycle = Lifecycle(context.models, context.readiness)
    replaced: list[weakref.ref] = []

    async def ask(client, path, body):
        response = await client.post(path, json=body)
        assert response.status_code == 200, response.text
        # What else is in a batch changes the last digits.
        return json.dumps(rounded(response.json()))

    async def load(client, path: str, body: dict, answers: set[str]):
        for _ in range(EACH):
            answers.add(await ask(client, path, body))

    async def reload(client, number, answers):
        """Replace the tagger. Returns its answer, and how many programs were compiled until it
        was there."""
        replaced.append(weakref.ref(context.models["tiny-tag"].predictor))
        write_temperature(copy, TEMPERATURES[number % 2], first=not number)
        with compilations() as compiled, expecting("tiny-tag: replaced") as logged:
            lifecycle.reload()
            loads = [
                load(client, path, body, its)
                for (path, body), its in zip(LOAD, answers, strict=True)
            ]
            waited, *_ = await asyncio.gather(asyncio.to_thread(logged.wait, 100), *loads)
            assert waited
            answer = await ask(client, *LOAD[0])
        return answer, len(compiled)

    async def go():
        transport = httpx.ASGITransport(make_app(context))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answers: list[set[str]] = [set() for _ in LOAD]
            original = await ask(client, *LOAD[0])
            versions = [await reload(client, number, answers) for number in range(RELOADS)]
        return original, versions, answers

    try:
        with expecting("ready (") as ready:
            lifecycle.warm_up(loaded, 0.0, lambda error: None)
            assert ready.wait(100)
        loaded.clear()
        original, versions, answers = asyncio.run(go())
        shapes = set(context.models["tiny-tag"].predictor.task.shapes())
        assert set(context.models["tiny-tag"].predictor._programs) == shapes
    finally:
        lifecycle.close()
        context.batcher.close()
    assert len({answer for answer, _ in versions}) == 2
    assert all(versions[number][0] == versions[number % 2][0] for number in range(RELOADS))
    assert answers[0] <= {original, versions[0][0], versions[1][0]}
    assert [len(its) for its in answers[1:]] == [1, 1]
    assert {compiled for _, compiled in versions} == {len(shapes)}
    gc.unfreeze()
    gc.collect()
    assert [number for number, each in enumerate(replaced) if each() is not None] == []


def rounded(value):
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value


def write_temperature(bundle, temperature, first):
    if first:
        change_temperature(bundle, temperature)
        return
    info = json.loads((bundle / "bundle.json").read_text())
    info["config"]["temperature"] = temperature
    (bundle / "bundle.json").write_text(json.dumps(info))
