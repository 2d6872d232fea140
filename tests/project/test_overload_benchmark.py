"""Overload: each request is refused at once, with the status for the reason."""

import asyncio

import httpx

from service.app import make_app
from support.http_calls import ROUTE, classify, hold_device


def test_a_full_queue_is_a_429(make_context, served, monkeypatch):
    """Fails if requests accumulate without bound, or a refusal has no Retry-After."""
    context = make_context(queue_rows=2, texts=2)
    hold = hold_device(monkeypatch, served)

    async def go():
        transport = httpx.ASGITransport(make_app(context))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

            async def one():
                return await client.post(ROUTE, json={"text": "fine"})

            running = asyncio.create_task(one())
            await asyncio.to_thread(hold.entered.wait)
            waiting = [asyncio.create_task(one()) for _ in range(2)]
            while context.admission.limits.total.texts < 2:
                await asyncio.sleep(0)
            refused = await one()
            hold.released.set()
            others = await asyncio.gather(running, *waiting)
            return refused, [response.status_code for response in others]

    refused, others = asyncio.run(go())
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 120
    assert others == [200, 200, 200]


def test_a_deadline_is_a_504(make_context, served, monkeypatch):
    context = make_context(deadline=0.05)
    hold = hold_device(monkeypatch, served)
    try:
        response = classify(context, text="fine")
    finally:
        hold.released.set()
    assert response.status_code == 504
    assert "0.05 s" in response.json()["detail"]


def test_more_than_the_queue_can_hold_is_a_422(make_context):
    context = make_context(queue_tokens=64)
    response = classify(context, texts=["word " * 40] * 3)
    assert response.status_code == 422
    assert response.json()["code"] == "too_many_tokens"
